"""The tables of the microblog.

Owns: their SQL. Refuses to know: who reads and writes them.

Everybody who gets texts is a row of `microblog_user`: members, who have a username, and phones that
follow somebody without an account, which have none. Times are milliseconds since 1970.
"""

from __future__ import annotations

VERSION_1 = """
CREATE TABLE microblog_user (
    id INTEGER PRIMARY KEY,
    username TEXT,
    folded TEXT UNIQUE,
    phone TEXT UNIQUE,
    last_phone TEXT NOT NULL,
    address TEXT NOT NULL,
    carrier TEXT NOT NULL,
    state INTEGER NOT NULL,
    created INTEGER NOT NULL,
    name TEXT NOT NULL,
    bio TEXT NOT NULL,
    location TEXT NOT NULL,
    url TEXT NOT NULL,
    language TEXT NOT NULL,
    zone TEXT NOT NULL,
    posts_on INTEGER NOT NULL,
    messages_on INTEGER NOT NULL,
    hushed_until INTEGER NOT NULL,
    quiet_from INTEGER NOT NULL,
    quiet_to INTEGER NOT NULL,
    protected INTEGER NOT NULL,
    pin TEXT NOT NULL,
    confirms INTEGER NOT NULL,
    prefix TEXT NOT NULL,
    login INTEGER NOT NULL,
    posts INTEGER NOT NULL,
    followers INTEGER NOT NULL,
    following INTEGER NOT NULL
);

CREATE INDEX microblog_user_member ON microblog_user (id) WHERE username IS NOT NULL;

CREATE INDEX microblog_user_last ON microblog_user (last_phone);

CREATE INDEX microblog_user_popular ON microblog_user (followers DESC)
    WHERE username IS NOT NULL AND protected = 0;

CREATE TABLE microblog_name (
    folded TEXT PRIMARY KEY,
    user INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX microblog_name_of ON microblog_name (user);

CREATE TABLE microblog_follow (
    followed INTEGER NOT NULL,
    follower INTEGER NOT NULL,
    by_sms INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (followed, follower)
) WITHOUT ROWID;
CREATE INDEX microblog_follow_of ON microblog_follow (follower, followed);
CREATE INDEX microblog_follow_sms ON microblog_follow (followed, follower)
    WHERE by_sms = 1 AND pending = 0;

CREATE TABLE microblog_post (
    id INTEGER PRIMARY KEY,
    author INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    repeats INTEGER NOT NULL,
    mo INTEGER NOT NULL
);
CREATE INDEX microblog_post_of ON microblog_post (author, id);
CREATE UNIQUE INDEX microblog_repeat ON microblog_post (repeats, author) WHERE repeats > 0;

CREATE TABLE microblog_like (
    post INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (post, user)
) WITHOUT ROWID;
CREATE INDEX microblog_like_of ON microblog_like (user);

CREATE TABLE microblog_message (
    id INTEGER PRIMARY KEY,
    sender INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    sent INTEGER NOT NULL
);
CREATE INDEX microblog_message_to ON microblog_message (recipient, id);
CREATE INDEX microblog_message_from ON microblog_message (sender, id);

CREATE TABLE microblog_block (
    user INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    PRIMARY KEY (user, blocked)
) WITHOUT ROWID;
CREATE INDEX microblog_block_of ON microblog_block (blocked);

CREATE TABLE microblog_dialog (
    phone TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    tries INTEGER NOT NULL,
    data TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE microblog_link (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    phone TEXT NOT NULL,
    code TEXT NOT NULL,
    checks INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX microblog_link_of ON microblog_link (user);
CREATE INDEX microblog_link_phone ON microblog_link (phone);
CREATE INDEX microblog_link_code ON microblog_link (code);

CREATE TABLE microblog_tail (
    phone TEXT PRIMARY KEY,
    sender INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    text TEXT NOT NULL,
    address TEXT NOT NULL,
    due INTEGER NOT NULL,
    until INTEGER NOT NULL,
    delivered INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX microblog_tail_due ON microblog_tail (due) WHERE delivered = 0;
CREATE INDEX microblog_tail_until ON microblog_tail (until);

CREATE TABLE microblog_login (
    user INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    checks INTEGER NOT NULL,
    expires INTEGER NOT NULL
);

CREATE TABLE microblog_login_sent (
    phone TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (phone, at)
) WITHOUT ROWID;

CREATE TABLE microblog_report (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    reporter INTEGER NOT NULL,
    user INTEGER NOT NULL,
    post INTEGER NOT NULL,
    decision TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL
);
CREATE INDEX microblog_report_open ON microblog_report (id) WHERE decision = '';
CREATE INDEX microblog_report_of ON microblog_report (user);

CREATE TABLE microblog_erasure (
    user INTEGER PRIMARY KEY
);

CREATE TABLE microblog_job (
    post INTEGER PRIMARY KEY,
    author INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    cursor INTEGER NOT NULL
);
CREATE INDEX microblog_job_turn ON microblog_job (turn);
CREATE INDEX microblog_job_of ON microblog_job (author, post);

CREATE TABLE microblog_held (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    kind TEXT NOT NULL,
    what INTEGER NOT NULL,
    due INTEGER NOT NULL
);
CREATE INDEX microblog_held_due ON microblog_held (due);
CREATE INDEX microblog_held_of ON microblog_held (user);

CREATE TABLE microblog_count (
    phone TEXT NOT NULL,
    what TEXT NOT NULL,
    since INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (phone, what)
) WITHOUT ROWID;

CREATE TABLE microblog_once (
    what TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX microblog_once_until ON microblog_once (until) WHERE until > 0;

CREATE TABLE microblog_event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    user INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX microblog_event_of ON microblog_event (user, id);

CREATE TABLE microblog_number (
    address TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    telephone TEXT NOT NULL,
    languages TEXT NOT NULL,
    direction TEXT NOT NULL,
    pin TEXT NOT NULL,
    signup TEXT NOT NULL,
    weekly INTEGER NOT NULL,
    country TEXT NOT NULL,
    suspended TEXT NOT NULL
) WITHOUT ROWID;
"""
"""`microblog_name` holds a username that was given up for its last owner. `microblog_tail` is the
last private message of a phone that fills an SMS: its rest may come by itself, and is joined until
`due`, refused until `until`. `microblog_job` is a post on its way to followers: up to the last one
served, and its place among the others (`turn`). `microblog_held` waits for the end of a quiet time
(`message`: the id of one; `posts`: how many there were). `microblog_once` remembers what may happen
once (an invitation: `until` 0, for ever; a nudge a day). `microblog_erasure` is a user whose rows
are being removed."""

VERSION_2 = """
ALTER TABLE microblog_user ADD COLUMN gone_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX microblog_user_gone ON microblog_user (gone_at) WHERE gone_at > 0;
UPDATE microblog_user SET gone_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000
    WHERE state = 2 AND last_phone <> '';

ALTER TABLE microblog_job ADD COLUMN reached INTEGER NOT NULL DEFAULT 0;

CREATE TABLE microblog_failure (
    phone TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE microblog_mention (
    user INTEGER NOT NULL,
    post INTEGER NOT NULL,
    PRIMARY KEY (user, post)
) WITHOUT ROWID;

CREATE TABLE microblog_tag (
    folded TEXT NOT NULL,
    post INTEGER NOT NULL,
    PRIMARY KEY (folded, post)
) WITHOUT ROWID;
CREATE INDEX microblog_tag_of ON microblog_tag (post);
"""
"""`gone_at`: since when the phone of a user said STOP, or cannot be reached. `microblog_failure`
counts the texts in a row that never reached a phone. `microblog_mention` says who was named in a
post, `microblog_tag` which words stood behind a # in it (folded)."""

VERSION_3 = """
ALTER TABLE microblog_user ADD COLUMN mentions TEXT NOT NULL DEFAULT 'anyone';
ALTER TABLE microblog_number ADD COLUMN long TEXT NOT NULL DEFAULT 'refuse';
ALTER TABLE microblog_number ADD COLUMN commands TEXT NOT NULL DEFAULT 'all';
ALTER TABLE microblog_number ADD COLUMN own_number TEXT NOT NULL DEFAULT 'any';
ALTER TABLE microblog_number ADD COLUMN posted TEXT NOT NULL DEFAULT 'never';
"""

MIGRATIONS = (VERSION_1, VERSION_2, VERSION_3)
