"""What the keyword feature says to phones, in every language.

Owns: the texts. Refuses to know: when they are said. Each is one SMS of GSM 7-bit at its longest.
"""

from __future__ import annotations

from smppgw.core.phrases import Phrases

PHRASES = Phrases(
    {
        "help.campaign": (
            "{org}: {freq} msg/month. Help: {tel}. Reply STOP to cancel. Msg&data rates may apply.",
            "{org} : {freq} msg/mois. Aide : {tel}. Répondez STOP pour ne plus recevoir. Prix "
            "d'un SMS.",
        ),
        "contact": (
            "Published by {org}, {tel}. STOP to end.",
            "Edité par {org}, {tel}. STOP pour finir.",
        ),
        "stop.campaign": (
            "{org}: you are unsubscribed and will get no more messages. Reply START to "
            "resubscribe.",
            "{org} : désinscription prise en compte, vous ne recevrez plus de messages. "
            "COMMENCER pour revenir.",
        ),
        "stop.fuzzy": (
            "{org}: you are still subscribed. To get no more messages, reply with the one word "
            "STOP.",
            "{org} : vous recevez encore nos messages. Pour ne plus en recevoir, répondez le "
            "seul mot STOP.",
        ),
        "start.campaign": (
            "{org}: you are subscribed, {freq} msg/month. HELP for help, STOP to cancel. "
            "Msg&data rates may apply.",
            "{org} : inscription prise en compte, {freq} msg/mois. AIDE = aide, STOP = fin. Prix "
            "d'un SMS.",
        ),
        "start.double": (
            "{org}: reply Y to confirm you want {freq} msg/month. No reply, no messages. STOP to "
            "cancel. Msg&data rates may apply.",
            "{org} : répondez OUI pour confirmer ({freq} msg/mois). Sans réponse, aucun message. "
            "STOP = annuler. Prix d'un SMS.",
        ),
        "optin.expired": (
            "{org}: that confirmation came after {days} days. Reply START to begin again.",
            "{org} : confirmation arrivée après {days} jours. Répondez COMMENCER pour recommencer.",
        ),
        "unknown.campaign": (
            "{org}: we did not understand. HELP for help, STOP to get no more messages.",
            "{org} : message non compris. AIDE pour l'aide, STOP pour ne plus rien recevoir.",
        ),
    }
)
