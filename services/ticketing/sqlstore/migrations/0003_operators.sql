-- +goose Up

-- What happened to an item that its row does not say. The same again right after itself raises times and until.
CREATE TABLE step (
    seq     IDENTITY_KEY,
    item    text    NOT NULL,                                           -- an entry's key, an event's hash
    at      bigint  NOT NULL,
    until   bigint  NOT NULL,                                           -- the last time
    times   bigint  NOT NULL,
    what    text    NOT NULL,
    detail  text    NOT NULL,
    trouble boolean NOT NULL,
    trace   text    NOT NULL                                            -- as carried; empty: the item's
);
CREATE INDEX step_item ON step (item, seq);

ALTER TABLE entry ADD COLUMN ended_at bigint NOT NULL DEFAULT 0;
-- Voicemails and missed calls come as texts do; their keys tell.
CREATE INDEX entry_item ON entry ((CASE WHEN kind = 'text' AND substr(key, 1, 2) IN ('RE', 'CA') THEN substr(key, 1, 2) ELSE kind END), created_at);
CREATE INDEX entry_open ON entry ((CASE WHEN kind = 'text' AND substr(key, 1, 2) IN ('RE', 'CA') THEN substr(key, 1, 2) ELSE kind END), state, created_at)
    WHERE state <> 'done';
-- All have a lane. Without the condition SQLite would use this one to look for what is pending, too.
CREATE INDEX entry_lane ON entry (lane, created_at) WHERE lane <> '';

-- By the last four digits.
CREATE INDEX lane_digits ON lane (substr(supporter, length(supporter) - 3));

-- An event is dead when its replies cannot be found.
ALTER TABLE event ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN ended_at bigint NOT NULL DEFAULT 0;
CREATE INDEX event_reply ON event (received_at) WHERE name = 'convo.agent.reply.created';
CREATE INDEX event_open ON event (state, received_at) WHERE state <> 'done';

ALTER TABLE reply ADD COLUMN lane text NOT NULL DEFAULT '';             -- whose it is; empty: not known
ALTER TABLE reply ADD COLUMN event text NOT NULL DEFAULT '';            -- the hash of the one that told of it
ALTER TABLE reply ADD COLUMN trace text NOT NULL DEFAULT '';
CREATE INDEX reply_handled ON reply (handled_at);
CREATE INDEX reply_refused ON reply (handled_at) WHERE state <> 'sent';
CREATE INDEX reply_conversation ON reply (conversation_id);
CREATE INDEX reply_lane ON reply (lane) WHERE lane <> '';
CREATE INDEX reply_event ON reply (event) WHERE event <> '';
