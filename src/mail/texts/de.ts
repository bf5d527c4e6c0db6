// The German texts.
import type { Texts } from "./texts.js";

export const de: Texts = {
  phrases: {
    enterCode: "Geben Sie diesen Code ein:",
    orOpenLink: "Oder öffnen Sie diesen Link:",
    openLink: "Öffnen Sie diesen Link:",
    linkLabel: "Weiter",
    valid: "Gültig für {duration} und nur einmal.",
    secret: "Geben Sie den Code nie an andere weiter. {app} fragt Sie nie danach.",
    match:
      "In einem anderen Browser fragt der Link nach der Zahl, die auf der ersten Seite steht. Geben Sie nie eine Zahl ein, die Ihnen eine andere Person nennt.",
    requested: "Das wurde um {time}[ in {browser}] angefordert.",
    happened: "Zeitpunkt: {time}[, in {browser}].",
    unknownBrowser: "einem unbekannten Browser",
    ifYou: "Wenn Sie das waren, müssen Sie nichts tun.",
    ignore: "Wenn Sie das nicht wollen, ignorieren Sie diese E-Mail. Es hat sich nichts geändert.",
    alarm:
      "Wenn Sie das nicht waren, öffnen Sie diesen Link. Er meldet alle Geräte ab und stoppt Änderungen, die noch nicht abgeschlossen sind. Sonst bewirkt er nichts:",
    alarmDeleted:
      "Wenn Sie das nicht waren, öffnen Sie diesen Link. Er informiert den Betreiber von {app}, der Ihnen helfen kann. Sonst bewirkt er nichts:",
    alarmLabel: "Das war ich nicht",
    afterAlarm: "Legen Sie danach ein neues Passwort fest.",
    changes: {
      login_changed: "den Anmeldenamen ändern",
      email_changed: "die Adresse ändern",
      names_changed: "die Adresse und den Anmeldenamen ändern",
      password_added: "ein Passwort hinzufügen",
      password_removed: "das Passwort entfernen",
      first_factor: "einen Passkey oder eine Authenticator-App hinzufügen",
      further_factor: "einen Passkey oder eine Authenticator-App hinzufügen",
      factor_replaced: "die Authenticator-App ersetzen",
      codes_replaced: "neue Wiederherstellungscodes erstellen",
      factor_removed: "einen Passkey oder die Authenticator-App entfernen",
      identity_linked: "eine Anmeldung mit einem anderen Anbieter hinzufügen",
      identity_unlinked: "eine Anmeldung mit einem anderen Anbieter entfernen",
      account_removed: "das Konto löschen",
      access_ended: "alles andere beenden, was sich anmelden kann",
      review: "Anmeldemethoden entfernen",
    },
  },
  kinds: {
    login: `Anmeldung bei {app}
      Mit dieser E-Mail können Sie sich bei {app}[ als {login}] anmelden.`,
    register: `Bestätigen Sie Ihre Adresse für {app}
      Bestätigen Sie diese Adresse, um ein Konto bei {app} anzulegen.`,
    account_exists: `Sie haben schon ein Konto bei {app}
      Für diese Adresse wurde ein neues Konto bei {app} angefordert, aber Sie haben schon eines. Melden Sie sich damit an. Wenn Sie Ihr Passwort vergessen haben, setzen Sie es zurück.`,
    reset: `Neues Passwort für {app}
      Für Ihr Konto[ {login}] bei {app} wurde ein neues Passwort angefordert.`,
    email: `Bestätigen Sie Ihre neue Adresse für {app}
      Bestätigen Sie diese Adresse, um sie für Ihr Konto bei {app} zu verwenden.`,
    email_taken: `Diese Adresse hat schon ein Konto bei {app}
      Bei {app} sollte die Adresse eines Kontos in diese geändert werden. Diese Adresse hat schon ein Konto.`,
    email_later: `Bestätigen Sie Ihre neue Adresse für {app}
      Vor sieben Tagen sollte diese Adresse für ein Konto bei {app} eingetragen werden, dessen Postfach nicht mehr gelesen werden kann. Melden Sie sich dort an, und geben Sie den Code auf der Seite des Kontos ein.`,
    invite: `Einladung zu {app}
      Sie sind eingeladen, ein Konto bei {app} anzulegen.`,
    recover: `Wiederherstellung Ihres Kontos bei {app}
      Der Betreiber von {app} hat die Wiederherstellung Ihres Kontos[ {login}] begonnen. Der Link führt zu einem neuen Passwort.
      Wenn Sie das nicht wollten, öffnen Sie den Link nicht, und schreiben Sie dem Betreiber.`,
    alarm_reset: `Legen Sie ein neues Passwort für {app} fest
      Ein Link in einer E-Mail an Sie hat alle Geräte Ihres Kontos[ {login}] bei {app} abgemeldet. Legen Sie jetzt ein neues Passwort fest.
      Wenn Sie den Link nicht geöffnet haben, liest eine andere Person Ihre E-Mails. Ändern Sie dann zuerst das Passwort Ihres Postfachs.`,
    enroll: `Zweiter Faktor für {app}
      Ihr Konto bei {app} braucht einen zweiten Faktor. Mit diesem Code können Sie ihn einrichten.
      Wenn Sie sich gerade nicht anmelden, tut es eine andere Person in Ihrem Namen. Ändern Sie Ihr Passwort, oder sichern Sie das Konto bei dem Anbieter, mit dem Sie sich anmelden.`,
    identity: `Bestätigen Sie Ihre Anmeldung bei {app}
      Jemand möchte sich mit einem Konto eines anderen Anbieters und dieser Adresse bei {app} anmelden. Mit diesem Code ist das von nun an möglich.`,
    confirm: `Bestätigen Sie eine Änderung bei {app}
      Eine Person, die bei Ihrem Konto[ {login}] bei {app} angemeldet ist, möchte {change}. Um das zu erlauben, geben Sie dort diesen Code ein.
      Wenn Sie das nicht sind, geben Sie den Code nicht weiter, und öffnen Sie diesen Link. Er meldet alle Geräte ab:`,
    test: `Test-E-Mail von {app}
      Das ist ein Test. E-Mails von {app} kommen an.
      Sie müssen nichts tun.`,
    new_device: `Neues Gerät bei {app} angemeldet
      Ein neues Gerät hat sich bei Ihrem Konto bei {app} angemeldet.`,
    factor_added: `Neue Anmeldemethode für {app}
      Zu Ihrem Konto bei {app} kamen ein Passkey, eine Authenticator-App oder Wiederherstellungscodes hinzu.`,
    factor_removed: `Anmeldemethode bei {app} entfernt
      Ein Passkey, eine Authenticator-App oder Wiederherstellungscodes wurden aus Ihrem Konto bei {app} entfernt.`,
    password_changed: `Passwort für {app} geändert
      Das Passwort Ihres Kontos bei {app} wurde geändert.`,
    email_changed: `Neue Adresse für Ihr Konto bei {app}
      Die Adresse Ihres Kontos[ {login}] bei {app} wurde[ vom Betreiber] geändert. Das ist die letzte E-Mail an diese Adresse.
      [Wenn Sie das nicht waren, schreiben Sie an {contact}.]`,
    email_leaving: `Ihr Konto bei {app} bekommt eine andere Adresse
      Am {date} wird {to} die Adresse Ihres Kontos[ {login}] bei {app}.
      Wenn Sie das waren, müssen Sie nichts tun. Auf der Seite Ihres Kontos können Sie es stoppen.`,
    login_changed: `Neuer Anmeldename für {app}
      Der Anmeldename Ihres Kontos bei {app} wurde geändert.`,
    account_deleted: `Ihr Konto bei {app} wurde gelöscht
      Ihr Konto bei {app} wurde gelöscht. Das ist die letzte E-Mail dazu.`,
    recovery_used: `Wiederherstellungscode bei {app} verwendet
      Ein Wiederherstellungscode Ihres Kontos bei {app} wurde verwendet.`,
    factor_attempts: `Falsche zweite Faktoren bei {app}
      Mehrere zweite Faktoren für Ihr Konto bei {app} waren falsch. Der Schritt davor war richtig. Das war Ihr Passwort, eine E-Mail an Sie oder die Anmeldung mit einem anderen Anbieter. Vielleicht hat eine andere Person Zugriff darauf.`,
    passkey_cloned: `Passkey bei {app} abgelehnt
      Ein Passkey Ihres Kontos bei {app} wurde abgelehnt, weil es eine Kopie davon geben könnte. Entfernen Sie diesen Passkey, und legen Sie einen neuen an.`,
    identity_linked: `Fremdes Konto bei {app} verknüpft
      Ein Konto eines anderen Anbieters wurde verknüpft. Damit ist jetzt die Anmeldung bei Ihrem Konto bei {app} möglich.`,
    identity_unlinked: `Verknüpfung bei {app} gelöst
      Ein Konto eines anderen Anbieters ist nicht mehr verknüpft. Damit ist die Anmeldung bei Ihrem Konto bei {app} nicht mehr möglich.`,
    api_key_created: `Neuer API-Schlüssel für {app}
      Für Ihr Konto bei {app} wurde ein API-Schlüssel erstellt. Ein Programm mit diesem Schlüssel kann in Ihrem Namen handeln, soweit dessen Rechte es erlauben.`,
    connection_added: `Neue verbundene Anwendung bei {app}
      Mit Ihrem Konto bei {app} wurde eine Anwendung verbunden. Sie kann in Ihrem Namen handeln, soweit die erteilten Rechte es erlauben.`,
    recovery_begun: `Wiederherstellung Ihres Kontos bei {app}
      Der Betreiber von {app} hat die Wiederherstellung Ihres Kontos begonnen.`,
    alarm_raised: `Alle Geräte bei {app} abgemeldet
      Ein Link in einer E-Mail an Sie hat alle Geräte Ihres Kontos[ {login}] bei {app} abgemeldet.
      Wenn Sie den Link nicht geöffnet haben, liest eine andere Person Ihre E-Mails. Ändern Sie dann das Passwort Ihres Postfachs.`,
  },
};
