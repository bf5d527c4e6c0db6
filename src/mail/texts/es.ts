// The Spanish texts.
import type { Texts } from "./texts.js";

export const es: Texts = {
  phrases: {
    enterCode: "Introduzca este código:",
    orOpenLink: "O abra este enlace:",
    openLink: "Abra este enlace:",
    linkLabel: "Continuar",
    valid: "Válido durante {duration} y una sola vez.",
    secret: "No dé nunca el código a otra persona. {app} nunca se lo pide.",
    match:
      "En otro navegador, el enlace pide el número que aparece en la primera página. No introduzca nunca un número que le dé otra persona.",
    requested: "Se solicitó[ en {browser}] a las {time}.",
    happened: "Fecha: {time}[, en {browser}].",
    unknownBrowser: "un navegador desconocido",
    ifYou: "Si fue usted, no tiene que hacer nada.",
    ignore: "Si no lo desea, ignore este mensaje. No ha cambiado nada.",
    alarm:
      "Si no fue usted, abra este enlace. Con él, usted cierra la sesión en todos los dispositivos y detiene los cambios sin terminar. No hace nada más:",
    alarmDeleted:
      "Si no fue usted, abra este enlace. Informa al operador de {app}, que puede ayudarle. No hace nada más:",
    alarmLabel: "No fui yo",
    afterAlarm: "Después, elija una contraseña nueva.",
    changes: {
      login_changed: "cambiar el nombre de usuario",
      email_changed: "cambiar la dirección",
      names_changed: "cambiar la dirección y el nombre de usuario",
      password_added: "añadir una contraseña",
      password_removed: "eliminar la contraseña",
      first_factor: "añadir una llave de acceso o una aplicación de autenticación",
      further_factor: "añadir una llave de acceso o una aplicación de autenticación",
      factor_replaced: "sustituir la aplicación de autenticación",
      codes_replaced: "crear nuevos códigos de recuperación",
      factor_removed: "eliminar una llave de acceso o la aplicación de autenticación",
      identity_linked: "añadir un inicio de sesión con otro proveedor",
      identity_unlinked: "eliminar un inicio de sesión con otro proveedor",
      account_removed: "eliminar la cuenta",
      access_ended: "terminar todo lo demás que puede iniciar sesión",
      review: "eliminar métodos de inicio de sesión",
    },
  },
  kinds: {
    login: `Inicio de sesión en {app}
      Con este mensaje puede iniciar sesión en {app}[ como {login}].`,
    register: `Confirme su dirección para {app}
      Confirme esta dirección para crear una cuenta en {app}.`,
    account_exists: `Ya tiene una cuenta en {app}
      Se solicitó una cuenta nueva en {app} para esta dirección, pero usted ya tiene una. Inicie sesión con ella. Si olvidó su contraseña, restablézcala.`,
    reset: `Contraseña nueva para {app}
      Se solicitó una contraseña nueva para su cuenta[ {login}] en {app}.`,
    email: `Confirme su nueva dirección para {app}
      Confirme esta dirección para usarla con su cuenta en {app}.`,
    email_taken: `Esta dirección ya tiene una cuenta en {app}
      En {app} se pidió cambiar la dirección de una cuenta por esta. Esta dirección ya tiene una cuenta.`,
    email_later: `Confirme su nueva dirección para {app}
      Hace siete días se pidió usar esta dirección para una cuenta en {app} cuyo buzón ya no se puede leer. Inicie sesión allí e introduzca el código en la página de la cuenta.`,
    invite: `Invitación a {app}
      Ha recibido una invitación para crear una cuenta en {app}.`,
    recover: `Recuperación de su cuenta en {app}
      El operador de {app} ha comenzado la recuperación de su cuenta[ {login}]. El enlace lleva a una contraseña nueva.
      Si no lo pidió, no abra el enlace y escriba al operador.`,
    alarm_reset: `Elija una contraseña nueva para {app}
      Un enlace de un mensaje para usted cerró la sesión de su cuenta[ {login}] en {app} en todos los dispositivos. Elija ahora una contraseña nueva.
      Si no abrió ese enlace, otra persona lee su correo. Cambie entonces primero la contraseña de su buzón.`,
    enroll: `Segundo factor para {app}
      Su cuenta en {app} necesita un segundo factor. Con este código puede configurarlo.
      Si no está iniciando sesión ahora, otra persona lo hace en su nombre. Cambie su contraseña, o proteja la cuenta del proveedor con la que inicia sesión.`,
    identity: `Confirme su inicio de sesión en {app}
      Una cuenta de otro proveedor quiere iniciar sesión en {app} con esta dirección. Con este código podrá hacerlo a partir de ahora.`,
    confirm: `Confirme un cambio en {app}
      Una persona que ha iniciado sesión en su cuenta[ {login}] en {app} quiere {change}. Para permitirlo, introduzca allí este código.
      Si no es usted, no comparta el código y abra este enlace. Cierra la sesión en todos los dispositivos:`,
    test: `Mensaje de prueba de {app}
      Esto es una prueba. Los mensajes de {app} llegan.
      No tiene que hacer nada.`,
    new_device: `Nuevo dispositivo en {app}
      Un dispositivo nuevo ha iniciado sesión en su cuenta en {app}.`,
    factor_added: `Nuevo método de inicio de sesión en {app}
      Se añadió una llave de acceso (passkey), una aplicación de autenticación o códigos de recuperación a su cuenta en {app}.`,
    factor_removed: `Método de inicio de sesión eliminado en {app}
      Se eliminó una llave de acceso (passkey), una aplicación de autenticación o códigos de recuperación de su cuenta en {app}.`,
    password_changed: `Contraseña de {app} cambiada
      Se cambió la contraseña de su cuenta en {app}.`,
    email_changed: `Nueva dirección para su cuenta en {app}
      La dirección de su cuenta[ {login}] en {app} fue cambiada[ por el operador]. Este es el último mensaje a esta dirección.
      [Si no fue usted, escriba a {contact}.]`,
    email_leaving: `Su cuenta en {app} va a tener otra dirección
      El {date} la dirección de su cuenta[ {login}] en {app} pasa a ser {to}.
      Si fue usted, no tiene que hacer nada. En la página de su cuenta puede detenerlo.`,
    login_changed: `Nuevo nombre de usuario en {app}
      Se cambió el nombre de usuario de su cuenta en {app}.`,
    account_deleted: `Su cuenta en {app} se ha eliminado
      Su cuenta en {app} se ha eliminado. Este es el último mensaje sobre ella.`,
    recovery_used: `Código de recuperación usado en {app}
      Se usó un código de recuperación de su cuenta en {app}.`,
    factor_attempts: `Segundos factores incorrectos en {app}
      Varios segundos factores para su cuenta en {app} eran incorrectos. El paso anterior era correcto. Fue su contraseña, un mensaje a su dirección o un inicio de sesión con otro proveedor. Quizá otra persona tiene acceso a ello.`,
    passkey_cloned: `Llave de acceso rechazada en {app}
      Se rechazó una llave de acceso (passkey) de su cuenta en {app}, porque podría existir una copia. Elimínela y cree una nueva.`,
    identity_linked: `Cuenta externa vinculada en {app}
      Se vinculó una cuenta de otro proveedor. Ahora permite iniciar sesión en su cuenta en {app}.`,
    identity_unlinked: `Cuenta externa desvinculada en {app}
      Se desvinculó una cuenta de otro proveedor. Ya no permite iniciar sesión en su cuenta en {app}.`,
    api_key_created: `Nueva clave de API para {app}
      Se creó una clave de API para su cuenta en {app}. Un programa con esta clave puede actuar en su nombre, dentro de los permisos de la clave.`,
    connection_added: `Nueva aplicación conectada a {app}
      Se conectó una aplicación a su cuenta en {app}. Puede actuar en su nombre, dentro de los permisos concedidos.`,
    recovery_begun: `Recuperación de su cuenta en {app}
      El operador de {app} ha comenzado la recuperación de su cuenta.`,
    alarm_raised: `Sesiones cerradas en {app}
      Un enlace de un mensaje para usted cerró la sesión de su cuenta[ {login}] en {app} en todos los dispositivos.
      Si no abrió ese enlace, otra persona lee su correo. Cambie entonces la contraseña de su buzón.`,
  },
};
