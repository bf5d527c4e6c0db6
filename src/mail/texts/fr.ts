// The French texts. A no-break space stands before a colon, as French writes it.
import type { Texts } from "./texts.js";

export const fr: Texts = {
  phrases: {
    enterCode: "Saisissez ce code :",
    orOpenLink: "Ou ouvrez ce lien :",
    openLink: "Ouvrez ce lien :",
    linkLabel: "Continuer",
    valid: "Valable {duration}, une seule fois.",
    secret: "Ne donnez jamais ce code à une autre personne. {app} ne vous le demande jamais.",
    match:
      "Dans un autre navigateur, le lien demande le nombre affiché sur la première page. Ne saisissez jamais un nombre qu’une autre personne vous donne.",
    requested: "Demande faite à {time}[ dans {browser}].",
    happened: "Date : {time}[, dans {browser}].",
    unknownBrowser: "un navigateur inconnu",
    ifYou: "Si c’était vous, vous n’avez rien à faire.",
    ignore: "Si vous ne le souhaitez pas, ignorez ce message. Rien n’a changé.",
    alarm:
      "Si ce n’était pas vous, ouvrez ce lien. Il déconnecte tous les appareils et arrête les changements en cours. Il ne fait rien d’autre :",
    alarmDeleted:
      "Si ce n’était pas vous, ouvrez ce lien. Il informe l’exploitant de {app}, qui peut vous aider. Il ne fait rien d’autre :",
    alarmLabel: "Ce n’était pas moi",
    afterAlarm: "Choisissez ensuite un nouveau mot de passe.",
    changes: {
      login_changed: "modifier l’identifiant",
      email_changed: "modifier l’adresse",
      names_changed: "modifier l’adresse et l’identifiant",
      password_added: "ajouter un mot de passe",
      password_removed: "supprimer le mot de passe",
      first_factor: "ajouter une clé d’accès ou une application d’authentification",
      further_factor: "ajouter une clé d’accès ou une application d’authentification",
      factor_replaced: "remplacer l’application d’authentification",
      codes_replaced: "créer de nouveaux codes de récupération",
      factor_removed: "supprimer une clé d’accès ou l’application d’authentification",
      identity_linked: "ajouter une connexion avec un autre fournisseur",
      identity_unlinked: "supprimer une connexion avec un autre fournisseur",
      account_removed: "supprimer le compte",
      access_ended: "mettre fin à tous les autres accès",
      review: "supprimer des méthodes de connexion",
    },
  },
  kinds: {
    login: `Connexion à {app}
      Avec ce message, vous pouvez vous connecter à {app}[ en tant que {login}].`,
    register: `Confirmez votre adresse pour {app}
      Confirmez cette adresse pour créer un compte sur {app}.`,
    account_exists: `Vous avez déjà un compte sur {app}
      Un nouveau compte sur {app} a été demandé pour cette adresse, mais vous en avez déjà un. Utilisez-le pour vous connecter. Si vous avez oublié votre mot de passe, réinitialisez-le.`,
    reset: `Nouveau mot de passe pour {app}
      Un nouveau mot de passe a été demandé pour votre compte[ {login}] sur {app}.`,
    email: `Confirmez votre nouvelle adresse pour {app}
      Confirmez cette adresse pour l’utiliser avec votre compte sur {app}.`,
    email_taken: `Cette adresse a déjà un compte sur {app}
      Sur {app}, un changement d’adresse vers celle-ci a été demandé. Cette adresse a déjà un compte.`,
    email_later: `Confirmez votre nouvelle adresse pour {app}
      Il y a sept jours, il a été demandé d’utiliser cette adresse pour un compte sur {app} dont la boîte ne peut plus être lue. Connectez-vous là-bas, et saisissez le code sur la page du compte.`,
    invite: `Invitation à {app}
      Vous êtes invité à créer un compte sur {app}.`,
    recover: `Récupération de votre compte sur {app}
      L’exploitant de {app} a commencé la récupération de votre compte[ {login}]. Le lien mène à un nouveau mot de passe.
      Si vous ne l’avez pas demandé, n’ouvrez pas le lien, et écrivez à l’exploitant.`,
    alarm_reset: `Choisissez un nouveau mot de passe pour {app}
      Un lien d’un message reçu par vous a déconnecté tous les appareils de votre compte[ {login}] sur {app}. Choisissez maintenant un nouveau mot de passe.
      Si vous n’avez pas ouvert ce lien, une autre personne lit vos messages. Changez alors d’abord le mot de passe de votre messagerie.`,
    enroll: `Second facteur pour {app}
      Votre compte sur {app} doit avoir un second facteur. Avec ce code, vous pouvez le configurer.
      Si vous n’êtes pas en train de vous connecter, une autre personne le fait en votre nom. Changez votre mot de passe, ou sécurisez le compte du fournisseur avec lequel vous vous connectez.`,
    identity: `Confirmez votre connexion à {app}
      Le compte d’un autre fournisseur demande à se connecter à {app} avec cette adresse. Avec ce code, il pourra se connecter désormais.`,
    confirm: `Confirmez une modification sur {app}
      Une personne connectée à votre compte[ {login}] sur {app} souhaite {change}. Pour l’autoriser, saisissez-y ce code.
      Si ce n’est pas vous, ne communiquez pas le code et ouvrez ce lien. Il déconnecte tous les appareils :`,
    test: `Message de test de {app}
      Ceci est un test. Les messages de {app} arrivent.
      Vous n’avez rien à faire.`,
    new_device: `Nouvel appareil connecté à {app}
      Un nouvel appareil s’est connecté à votre compte sur {app}.`,
    factor_added: `Nouvelle méthode de connexion à {app}
      Une clé d’accès (passkey), une application d’authentification ou des codes de récupération ont été ajoutés à votre compte sur {app}.`,
    factor_removed: `Méthode de connexion à {app} supprimée
      Une clé d’accès (passkey), une application d’authentification ou des codes de récupération ont été supprimés de votre compte sur {app}.`,
    password_changed: `Mot de passe de {app} modifié
      Le mot de passe de votre compte sur {app} a été modifié.`,
    email_changed: `Nouvelle adresse pour votre compte sur {app}
      L’adresse de votre compte[ {login}] sur {app} a été modifiée[ par l’exploitant]. Ce message est le dernier envoyé à cette adresse.
      [Si ce n’était pas vous, écrivez à {contact}.]`,
    email_leaving: `Votre compte sur {app} va changer d’adresse
      Le {date}, l’adresse de votre compte[ {login}] sur {app} devient {to}.
      Si c’était vous, vous n’avez rien à faire. Sur la page de votre compte, vous pouvez l’empêcher.`,
    login_changed: `Nouvel identifiant pour {app}
      L’identifiant de connexion de votre compte sur {app} a été modifié.`,
    account_deleted: `Votre compte sur {app} a été supprimé
      Votre compte sur {app} a été supprimé. Ce message est le dernier à ce sujet.`,
    recovery_used: `Code de récupération utilisé sur {app}
      Un code de récupération de votre compte sur {app} a été utilisé.`,
    factor_attempts: `Seconds facteurs incorrects sur {app}
      Plusieurs seconds facteurs pour votre compte sur {app} étaient incorrects. L’étape précédente était correcte. C’était votre mot de passe, un message à votre adresse ou une connexion avec un autre fournisseur. Une autre personne y a peut-être accès.`,
    passkey_cloned: `Clé d’accès rejetée sur {app}
      Une clé d’accès (passkey) de votre compte sur {app} a été rejetée, car il en existe peut-être une copie. Supprimez cette clé d’accès et créez-en une nouvelle.`,
    identity_linked: `Compte externe associé sur {app}
      Un compte d’un autre fournisseur a été associé. Il permet maintenant de se connecter à votre compte sur {app}.`,
    identity_unlinked: `Compte externe dissocié sur {app}
      Un compte d’un autre fournisseur a été dissocié. Il ne permet plus de se connecter à votre compte sur {app}.`,
    api_key_created: `Nouvelle clé d’API pour {app}
      Une clé d’API a été créée pour votre compte sur {app}. Un programme qui possède cette clé peut agir en votre nom, dans les limites de ses droits.`,
    connection_added: `Nouvelle application connectée à {app}
      Une application a été connectée à votre compte sur {app}. Elle peut agir en votre nom, dans les limites des droits accordés.`,
    recovery_begun: `Récupération de votre compte sur {app}
      L’exploitant de {app} a commencé la récupération de votre compte.`,
    alarm_raised: `Tous les appareils sont déconnectés de {app}
      Un lien d’un message reçu par vous a déconnecté tous les appareils de votre compte[ {login}] sur {app}.
      Si vous n’avez pas ouvert ce lien, une autre personne lit vos messages. Changez alors le mot de passe de votre messagerie.`,
  },
};
