"""What the microblog says to phones, in every language.

Owns: the texts. Refuses to know: when they are said. Each is one SMS of GSM 7-bit at its longest,
unless the text of an author needs more.
"""

from __future__ import annotations

from smppgw.core.phrases import Phrases

PHRASES = Phrases(
    {
        "signup.ask_name": (
            "Welcome to {svc}! Reply with your full name to create an account. HELP for help, "
            "STOP to cancel. Std msg rates may apply.",
            "Bienvenue sur {svc} ! Répondez avec vos prénom et nom pour créer un compte. AIDE = "
            "aide, STOP = annuler. Prix d'un SMS.",
        ),
        "signup.done": (
            "You are @{user} on {svc}. Your next text is your first tweet ({max} chars). New "
            "username: SET USERNAME name. HELP for commands.",
            "Compte créé : @{user}. Votre prochain SMS sera votre 1er tweet ({max} car.). Autre "
            "pseudo : SET PSEUDO nom. AIDE = commandes.",
        ),
        "signup.choose_username": (
            "Hi {name}! Reply with the username you want: letters, digits or _ (15 max).",
            "Bonjour {name} ! Envoyez le pseudo voulu : lettres, chiffres ou _ (15 max).",
        ),
        "signup.taken": (
            "@{user} is taken. Send another username (letters, digits, _ ; 15 max). Tries left: "
            "{freq}.",
            "@{user} est déjà pris. Envoyez un autre pseudo (lettres, chiffres, _ ; 15 max). "
            "Essais restants : {freq}.",
        ),
        "signup.invalid": (
            "That username is not valid. Use 1 to 15 letters, digits or _ and no spaces.",
            "Ce pseudo n'est pas valide. Utilisez 1 à 15 lettres, chiffres ou _, sans espace.",
        ),
        "signup.assigned": (
            "We picked @{user} for you. Change it any time: SET USERNAME name. Your next text is "
            "your first tweet.",
            "Nous avons choisi @{user} pour vous. Pour changer : SET PSEUDO nom. Votre prochain "
            "SMS sera votre premier tweet.",
        ),
        "signup.already": (
            "This number already posts as @{user}. Text HELP for commands or STOP to unlink it.",
            "Ce numéro publie déjà pour @{user}. Envoyez AIDE pour les commandes ou STOP pour le "
            "délier.",
        ),
        "signup.cancelled": (
            "Sign-up cancelled. Text START to {sc} to begin again.",
            "Inscription annulée. Envoyez COMMENCER au {sc} pour recommencer.",
        ),
        "signup.expired": (
            "Your sign-up timed out. Text START to {sc} to begin again.",
            "Inscription expirée. Envoyez COMMENCER au {sc} pour recommencer.",
        ),
        "link.code": (
            "{svc}: your code is {code}. Enter it to link this number. Valid {mins} min. Not "
            "you? Ignore this text.",
            "{svc} : votre code est {code}. Saisissez-le pour lier ce numéro. Valable {mins} "
            "min. Pas vous ? Ignorez ce SMS.",
        ),
        "link.done": (
            "Done! This number now posts as @{user}. Texts to {sc} become tweets. HELP for "
            "commands, STOP to unlink.",
            "C'est fait : ce numéro publie pour @{user}. Vos SMS au {sc} deviennent des tweets. "
            "AIDE = commandes, STOP = délier.",
        ),
        "link.bad_code": (
            "That code is wrong or expired. Ask for a new one and try again.",
            "Code incorrect ou expiré. Demandez un nouveau code et réessayez.",
        ),
        "link.moved": (
            "This number is no longer linked to @{user}: it was linked to another account.",
            "Ce numéro n'est plus lié à @{user} : il a été lié à un autre compte.",
        ),
        "login.code": (
            "{svc} login code: {code}. Valid {mins} min. Never give it to anyone.",
            "Code de connexion {svc} : {code}. Valable {mins} min. Ne le donnez à personne.",
        ),
        "tweet.deliver": (
            "@{user}: {text}",
            "@{user}: {text}",
        ),
        "tweet.too_long": (
            "Not posted: {len} characters, the limit is {max}. Shorten it and send it again.",
            "Non publié : {len} caractères, la limite est {max}. Raccourcissez et renvoyez.",
        ),
        "tweet.posted": (
            "Posted. Followers: {n}.",
            "Publié. Abonnés : {n}.",
        ),
        "tweet.undone": (
            "Your last tweet was deleted.",
            "Votre dernier tweet est supprimé.",
        ),
        "mention.deliver": (
            "@{user}: {text}",
            "@{user}: {text}",
        ),
        "dm.deliver": (
            "D @{user}: {text}",
            "D @{user}: {text}",
        ),
        "dm.sent": (
            "Message sent to @{user}.",
            "Message envoyé à @{user}.",
        ),
        "dm.not_follower": (
            "Not sent: @{user} does not follow you. Nothing was published.",
            "Non envoyé : @{user} ne vous suit pas. Rien n'a été publié.",
        ),
        "dm.no_user": (
            "Not sent: there is no user @{user}. Nothing was published.",
            "Non envoyé : aucun utilisateur @{user}. Rien n'a été publié.",
        ),
        "dm.incomplete": (
            "Part of your message to @{user} did not arrive. Nothing was sent or published. "
            "Please resend.",
            "Une partie du message à @{user} n'est pas arrivée. Rien n'a été envoyé ni publié. "
            "Renvoyez-le.",
        ),
        "follow.ok": (
            "You now follow @{user} and get their tweets by SMS. OFF {user} stops the SMS, "
            "UNFOLLOW {user} stops it all.",
            "Vous suivez @{user} et recevez ses tweets par SMS. COUPER {user} = plus de SMS. "
            "DESABONNER {user} = fin.",
        ),
        "follow.fast": (
            "You will get @{user}'s tweets on this phone. STOP to end. START to get your own "
            "account. Std rates may apply.",
            "Vous recevrez ici les tweets de @{user}. STOP pour finir, COMMENCER pour créer "
            "votre compte. Prix d'un SMS.",
        ),
        "follow.pending": (
            "Request sent: @{user} approves followers.",
            "Demande envoyée : @{user} valide ses abonnés.",
        ),
        "follow.request": (
            "@{user} asks to follow you. Reply ACCEPT {user} or DENY {user}.",
            "@{user} souhaite vous suivre. Répondez ACCEPTER {user} ou REFUSER {user}.",
        ),
        "follow.already": (
            "You already follow @{user}. SMS are on.",
            "Vous suivez déjà @{user}. Les SMS sont activés.",
        ),
        "unfollow.ok": (
            "You no longer follow @{user}.",
            "Vous ne suivez plus @{user}.",
        ),
        "on.all": (
            "SMS updates are on. OFF to stop them.",
            "SMS activés. COUPER pour les désactiver.",
        ),
        "off.all": (
            "SMS updates are off. Direct messages still arrive; send OFF again to stop them too. "
            "ON to resume.",
            "SMS désactivés. Les messages privés arrivent encore : renvoyez COUPER pour les "
            "couper aussi. ON pour reprendre.",
        ),
        "off.dm": (
            "All SMS are off, direct messages too. ON to resume.",
            "Tous les SMS sont désactivés, messages privés compris. ON pour reprendre.",
        ),
        "on.user": (
            "SMS on for @{user}.",
            "SMS activés pour @{user}.",
        ),
        "off.user": (
            "SMS off for @{user}. You still follow them.",
            "SMS désactivés pour @{user}. Vous le suivez toujours.",
        ),
        "hush.ok": (
            "Quiet until {date}. Any command or ON resumes.",
            "Silence jusqu'au {date}. Une commande ou ON reprend l'envoi.",
        ),
        "user.unknown": (
            "There is no user @{user}.",
            "Aucun utilisateur @{user}.",
        ),
        "user.no_tweet": (
            "@{user} has not posted yet.",
            "@{user} n'a encore rien publié.",
        ),
        "whois": (
            "@{user}: {who}Followers {n}, following {n2}.",
            "@{user} : {who}Abonnés {n}, abonnements {n2}.",
        ),
        "stats": (
            "@{user}: followers {n}, following {n2}, tweets {n3}.",
            "@{user} : abonnés {n}, abonnements {n2}, tweets {n3}.",
        ),
        "rt.ok": (
            "You retweeted @{user}.",
            "Vous avez retweeté @{user}.",
        ),
        "rt.own": (
            "You cannot retweet yourself.",
            "Impossible de vous retweeter.",
        ),
        "rt.dup": (
            "You already retweeted that tweet.",
            "Vous avez déjà retweeté ce tweet.",
        ),
        "fav.ok": (
            "You liked @{user}'s last tweet.",
            "Dernier tweet de @{user} ajouté à vos favoris.",
        ),
        "set.ok": (
            "Saved: {word}.",
            "Enregistré : {word}.",
        ),
        "set.bad": (
            "Not saved: {word} is too long or not allowed. Limit: {len} characters.",
            "Non enregistré : {word} trop long ou non permis. Limite : {len} caractères.",
        ),
        "set.language": (
            "Language: {lang}.",
            "Langue : {lang}.",
        ),
        "block.ok": (
            "@{user} is blocked.",
            "@{user} est bloqué.",
        ),
        "unblock.ok": (
            "@{user} is unblocked.",
            "@{user} est débloqué.",
        ),
        "report.ok": (
            "@{user} is blocked and was reported. Thank you.",
            "@{user} est bloqué et signalé. Merci.",
        ),
        "nudge.ok": (
            "Nudge sent to @{user}.",
            "Clin d'oeil envoyé à @{user}.",
        ),
        "nudge.deliver": (
            "@{user} is wondering what you are up to. Text your answer.",
            "@{user} se demande ce que vous faites. Répondez par SMS.",
        ),
        "invite.sent": (
            "Invitation sent to {tel}.",
            "Invitation envoyée au {tel}.",
        ),
        "invite.deliver": (
            "@{user} invites you to {svc}: text START to {sc} to join. This is the only "
            "invitation we will send.",
            "@{user} vous invite sur {svc} : envoyez COMMENCER au {sc}. C'est la seule "
            "invitation que nous enverrons.",
        ),
        "suggest": (
            "You may like {names}. Text FOLLOW name.",
            "A suivre : {names}. Envoyez SUIVRE pseudo.",
        ),
        "help": (
            "{svc}: text to tweet. FOLLOW/UNFOLLOW name, ON/OFF [name], D name text, RT name, "
            "GET name, WHOIS name, STATS, SET, STOP. HELP word for more.",
            "{svc} : un SMS = un tweet. SUIVRE/DESABONNER pseudo, ON/COUPER [pseudo], D pseudo "
            "texte, RT pseudo, LIRE pseudo, QUI pseudo, STOP. AIDE mot",
        ),
        "help.unlinked": (
            "{svc}: text START to sign up, or FOLLOW name to get tweets without an account. STOP "
            "to end. Help: {tel}.",
            "{svc} : COMMENCER pour vous inscrire, SUIVRE pseudo pour recevoir des tweets sans "
            "compte. STOP = fin. Aide : {tel}.",
        ),
        "contact": (
            "Published by {org}, {tel}. STOP to end.",
            "Edité par {org}, {tel}. STOP pour finir.",
        ),
        "stop.microblog": (
            "{svc}: this phone is unlinked and gets no more texts. Your account @{user} is kept. "
            "START to come back.",
            "{svc} : ce mobile est délié, il n'aura plus aucun SMS. Votre compte @{user} est "
            "conservé. COMMENCER pour revenir.",
        ),
        "unknown.command": (
            "We did not understand. Nothing was published. HELP for help, STOP to end.",
            "Message non compris. Rien n'a été publié. AIDE pour l'aide, STOP pour finir.",
        ),
        "pin.invalid": (
            "Your PIN is invalid. Nothing was published. Resend with your PIN first.",
            "PIN incorrect. Rien n'a été publié. Renvoyez avec votre PIN au début.",
        ),
        "rate.limited": (
            "Too many messages. Nothing was published. Try again in {mins} min.",
            "Trop de messages. Rien n'a été publié. Réessayez dans {mins} min.",
        ),
        "quota.warn": (
            "You have received {n} of {n2} texts this week. Updates pause at the limit.",
            "Cette semaine : {n} SMS sur {n2}. Envois suspendus à la limite.",
        ),
        "error": (
            "Something went wrong on our side. Nothing was published. Please try again.",
            "Incident technique. Rien n'a été publié. Merci de réessayer.",
        ),
        "longcode.note": (
            "You can tweet from here but get no texts back. For two-way use your carrier's short "
            "code.",
            "Vous pouvez publier ici mais sans rien recevoir. Pour l'aller-retour, utilisez le "
            "numéro court.",
        ),
        "stop.nolink": (
            "{svc}: you will get no more texts from us. START to come back.",
            "{svc} : vous n'aurez plus aucun SMS de notre part. COMMENCER pour revenir.",
        ),
        "digest": (
            "New tweets while you were quiet: {n}. GET reads the latest, GET name one person's.",
            "Nouveaux tweets pendant la pause : {n}. LIRE pour les derniers, LIRE pseudo pour "
            "une personne.",
        ),
        "confirm.post": (
            "Reply OK {code4} to post that tweet. Valid {mins} min. Not you? Do nothing.",
            "Répondez OK {code4} pour publier ce tweet. Valable {mins} min. Pas vous ? Ne faites "
            "rien.",
        ),
        "dm.too_long": (
            "Not sent: {len} characters, the limit is {max}. Nothing was published.",
            "Non envoyé : {len} caractères, la limite est {max}. Rien n'a été publié.",
        ),
        "msg.incomplete": (
            "Part of your message did not arrive. Nothing was sent or published. Please resend.",
            "Une partie de votre message n'est pas arrivée. Rien n'a été envoyé ni publié. "
            "Renvoyez-le.",
        ),
        "pin.locked": (
            "Too many wrong PINs: posting by SMS is locked for {mins} min. Nothing was published.",
            "Trop de PIN incorrects : publication par SMS bloquée {mins} min. Rien n'a été publié.",
        ),
        "help.start": (
            "START: create an account or link this phone.",
            "COMMENCER : créer un compte ou lier ce mobile.",
        ),
        "help.stop": (
            "STOP: unlink this phone, no more texts. Your account is kept.",
            "STOP : délier ce mobile, plus aucun SMS. Votre compte est conservé.",
        ),
        "help.follow": (
            "FOLLOW name: follow someone and get their tweets by SMS. Short form: F name.",
            "SUIVRE pseudo : suivre quelqu'un et recevoir ses tweets par SMS. Court : S pseudo.",
        ),
        "help.unfollow": (
            "UNFOLLOW name: stop following. OFF name only stops the SMS.",
            "DESABONNER pseudo : ne plus suivre. COUPER pseudo ne coupe que les SMS.",
        ),
        "help.on": (
            "ON: resume SMS. ON name: SMS for each tweet of that person.",
            "ON : reprendre les SMS. ON pseudo : un SMS par tweet de cette personne.",
        ),
        "help.off": (
            "OFF: stop tweets by SMS (again: stop direct messages). OFF name: one person.",
            "COUPER : plus de tweets par SMS (2 fois : plus de messages privés). COUPER pseudo : "
            "une personne.",
        ),
        "help.d": (
            "D name text: direct message, never public. The person must follow you.",
            "D pseudo texte : message privé, jamais public. La personne doit vous suivre.",
        ),
        "help.rt": (
            "RT name: retweet that person's last tweet.",
            "RT pseudo : retweeter le dernier tweet de cette personne.",
        ),
        "help.fav": (
            "FAV name: like that person's last tweet.",
            "FAV pseudo : aimer le dernier tweet de cette personne.",
        ),
        "help.get": (
            "GET name: that person's last tweet. GET: latest tweets of people you follow.",
            "LIRE pseudo : dernier tweet de cette personne. LIRE : derniers tweets de vos "
            "abonnements.",
        ),
        "help.whois": (
            "WHOIS name: profile of that person.",
            "QUI pseudo : profil de cette personne.",
        ),
        "help.stats": (
            "STATS: your followers, following and tweets.",
            "STATS : vos abonnés, abonnements et tweets.",
        ),
        "help.set": (
            "SET NAME, BIO, LOCATION, URL, LANGUAGE, USERNAME or MESSAGES value. Ex: SET BIO I "
            "love tea.",
            "SET NOM, BIO, LIEU, SITE, LANGUE, PSEUDO ou MESSAGES valeur. Ex : SET BIO J'aime le "
            "thé.",
        ),
        "help.block": (
            "BLOCK name: that person can no longer follow or write to you. UNBLOCK name undoes it.",
            "BLOQUER pseudo : cette personne ne peut plus vous suivre ni vous écrire. DEBLOQUER "
            "pseudo annule.",
        ),
        "help.report": (
            "REPORT name: block and report for spam.",
            "SIGNALER pseudo : bloquer et signaler comme spam.",
        ),
        "help.nudge": (
            "NUDGE name: ask that person what they are up to.",
            "RELANCER pseudo : demander à cette personne ce qu'elle fait.",
        ),
        "help.invite": (
            "INVITE number: one invitation by SMS. Ex: INVITE +33639980000.",
            "INVITER numéro : une invitation par SMS. Ex : INVITER +33639980000.",
        ),
        "help.suggest": (
            "SUGGEST: people you may like.",
            "IDEES : des comptes à suivre.",
        ),
        "help.hush": (
            "HUSH 8: no SMS for 8 hours. Any command ends it.",
            "SILENCE 8 : aucun SMS pendant 8 heures. Toute commande y met fin.",
        ),
        "help.undo": (
            "UNDO: delete your last tweet, within 5 min.",
            "ANNULER : supprimer votre dernier tweet, dans les 5 min.",
        ),
    }
)
