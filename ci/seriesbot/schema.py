# SPDX-License-Identifier: GPL-2.0
"""The tables of the store, and how a store of an earlier version becomes one of now.

Times are Unix seconds (of the wall clock, as they outlive a process). Addresses are in lower case,
message ids without <>. Whatever came in a mail is as its sender chose it: make it harmless where
it is shown. `zlib` columns are packed by `store.pack`.

inbox       an archive that is read, by its name in bot.toml
cursor      up to which commit (head) each git epoch of an inbox is taken in; changes in one
            transaction with the messages that it stands behind. skipped: how many commits were
            there before the bot began to read, anchor: the message id of the last of these
message     each mail once, whichever inboxes it came by. kind: patch and cover belong to a series,
            reply answers something, other is anything else (a pull request, a question). raw is
            NULL for what was too large to be kept. handled: 0 until somebody has done with it what
            its kind wants: series are put together of patches and covers, commands are looked for
            in replies
seen        by which inboxes a mail came, and as which git blob
series      versions of the same patches, by one sender
version     one posting of a series: what is judged and answered. state: one of states.State;
            reason says why it is in it, due when somebody has to look at it again (0: never).
            message_id, and what the answer replies to: the cover letter, else the first patch.
            base: what `kseries base --json` says of it, '' as long as nothing is known.
            earlier: the version that this one replaces. digest: of its patches, so that a repeat
            is known
part        the mails of a version; number 0 is the cover letter
decision    each decision with its reason, newest last; what `seriesbot why` prints
job         work on a version, at most one that is not over. key: by which the engine knows it,
            another for each attempt. state: one of states.JobState. cause: posted, again, test.
            fix: the reply whose patch is put on top (cause test). attempt: how often it was
            submitted; deadline: when the bot believes it lost; tidied: 0 while the engine may keep
            something of what is over; not_before: when it may have its turn again. page: where
            the engine shows the last attempt, behind the address of its pages; '' for nowhere
attempt     keys of attempts at a job that came to nothing, until the engine has forgotten them
result      what became of a job that is over: verdict as in results.json ('' where there is no
            document; error says why then), document: results.json (zlib)
answer      a mail that the bot wrote about a result. state: one of states.AnswerState. raw: the
            whole mail (zlib), NULL where none was written. channel: where it goes (inbox, author,
            thread). at: when it was written; due: when it is tried (again), tries how often that
            was begun; delivered: when it was, 0 before
optout      who wants no answers; message_id: of the mail that said so
submission  what another program is told of a result, once. key: names it for ever, and is made of
            what it tells. sink: one of sinks.NAMES. target: the message id of the patch that a
            check is for, '' for a report. body: the check as JSON, '' for a report, which is made
            of the document when it is handed over. The rest: as of an answer
sink        up to which result a sink was told; there is none while it is not in the settings
session     who is logged in on the web page. id: a digest of what the cookie has; until: when it
            ends
"""

from __future__ import annotations

# One entry a version of the schema, each a script that makes it of the one before. Never change
# one that was released: add another.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE cursor (
        inbox INTEGER NOT NULL REFERENCES inbox (id),
        epoch INTEGER NOT NULL,
        head TEXT NOT NULL,
        anchor TEXT NOT NULL,
        skipped INTEGER NOT NULL,
        PRIMARY KEY (inbox, epoch)
    ) WITHOUT ROWID;
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        message_id TEXT NOT NULL UNIQUE,
        inbox INTEGER NOT NULL REFERENCES inbox (id),
        arrived INTEGER NOT NULL,
        kind TEXT NOT NULL,
        sender TEXT NOT NULL,
        subject TEXT NOT NULL,
        refs TEXT NOT NULL,
        size INTEGER NOT NULL,
        raw BLOB,
        handled INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX message_unhandled ON message (kind, id) WHERE handled = 0;
    CREATE INDEX message_of_sender ON message (sender, id);
    CREATE TABLE seen (
        message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        inbox INTEGER NOT NULL REFERENCES inbox (id),
        epoch INTEGER NOT NULL,
        blob TEXT NOT NULL,
        PRIMARY KEY (message, inbox)
    ) WITHOUT ROWID;
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        sender TEXT NOT NULL,
        title TEXT NOT NULL,
        begun INTEGER NOT NULL
    );
    CREATE TABLE version (
        id INTEGER PRIMARY KEY,
        series INTEGER NOT NULL REFERENCES series (id),
        number INTEGER NOT NULL,
        total INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        sender TEXT NOT NULL,
        title TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        since INTEGER NOT NULL,
        due INTEGER NOT NULL,
        rule TEXT NOT NULL DEFAULT '',
        digest TEXT NOT NULL DEFAULT '',
        paths TEXT NOT NULL DEFAULT '[]',
        base TEXT NOT NULL DEFAULT '',
        earlier INTEGER REFERENCES version (id)
    );
    CREATE INDEX version_due ON version (due) WHERE due > 0;
    CREATE INDEX version_in_state ON version (state, id);
    CREATE INDEX version_of_series ON version (series, id);
    CREATE INDEX version_of_mail ON version (message_id);
    CREATE INDEX version_of_sender ON version (sender, digest);
    CREATE TABLE part (
        version INTEGER NOT NULL REFERENCES version (id),
        message INTEGER NOT NULL REFERENCES message (id),
        number INTEGER NOT NULL,
        PRIMARY KEY (version, message)
    ) WITHOUT ROWID;
    CREATE INDEX part_message ON part (message);
    CREATE TABLE decision (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        version INTEGER REFERENCES version (id),
        what TEXT NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL
    );
    CREATE INDEX decision_of_mail ON decision (message_id);
    CREATE INDEX decision_of_version ON decision (version);
    CREATE TABLE job (
        id INTEGER PRIMARY KEY,
        version INTEGER NOT NULL REFERENCES version (id),
        sender TEXT NOT NULL,
        cause TEXT NOT NULL,
        fix INTEGER REFERENCES message (id),
        key TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        wanted INTEGER NOT NULL,
        started INTEGER NOT NULL DEFAULT 0,
        deadline INTEGER NOT NULL DEFAULT 0,
        ended INTEGER NOT NULL DEFAULT 0,
        tidied INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT ''
    );
    CREATE UNIQUE INDEX job_open ON job (version)
        WHERE state IN ('waiting', 'submitting', 'submitted');
    CREATE INDEX job_in_state ON job (state, id);
    CREATE INDEX job_of_sender ON job (sender, wanted);
    CREATE INDEX job_untidied ON job (id) WHERE tidied = 0 AND key != '';
    CREATE INDEX job_started ON job (started) WHERE started > 0;
    CREATE TABLE attempt (
        key TEXT PRIMARY KEY,
        job INTEGER NOT NULL REFERENCES job (id)
    ) WITHOUT ROWID;
    CREATE TABLE result (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL UNIQUE REFERENCES job (id),
        version INTEGER NOT NULL REFERENCES version (id),
        at INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        error TEXT NOT NULL,
        document BLOB
    );
    CREATE INDEX result_of_version ON result (version, id);
    CREATE TABLE answer (
        id INTEGER PRIMARY KEY,
        result INTEGER NOT NULL REFERENCES result (id),
        version INTEGER NOT NULL REFERENCES version (id),
        message_id TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        state TEXT NOT NULL,
        at INTEGER NOT NULL,
        due INTEGER NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT '',
        raw BLOB
    );
    CREATE INDEX answer_in_state ON answer (state, due);
    CREATE INDEX answer_delivered ON answer (delivered) WHERE delivered > 0;
    CREATE TABLE optout (
        address TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        message_id TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE submission (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        sink TEXT NOT NULL,
        result INTEGER NOT NULL REFERENCES result (id),
        version INTEGER NOT NULL REFERENCES version (id),
        target TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        at INTEGER NOT NULL,
        due INTEGER NOT NULL DEFAULT 0,
        tries INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX submission_in_state ON submission (state, sink, due);
    CREATE INDEX submission_of_target ON submission (target, state);
    CREATE INDEX submission_of_version ON submission (version);
    CREATE TABLE sink (
        name TEXT PRIMARY KEY,
        upto INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE session (
        id TEXT PRIMARY KEY,
        operator TEXT NOT NULL,
        at INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE job ADD COLUMN page TEXT NOT NULL DEFAULT '';",
)

VERSION = len(MIGRATIONS)
"""Of the schema, as `PRAGMA user_version` has it."""
