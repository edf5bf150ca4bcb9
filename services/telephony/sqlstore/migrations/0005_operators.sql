-- +goose Up

-- What happened to an item that its row does not say. The same again right after itself raises times and until.
CREATE TABLE step (
    seq     IDENTITY_KEY,
    item    text    NOT NULL,                           -- MessageSid, key, CallSid, key of a file
    at      bigint  NOT NULL,
    until   bigint  NOT NULL,                           -- the last time
    times   bigint  NOT NULL,
    what    text    NOT NULL,
    detail  text    NOT NULL,
    trouble boolean NOT NULL,
    trace   text    NOT NULL                            -- as carried
);
CREATE INDEX step_item ON step (item, seq);

-- The numbers of paused hotlines.
CREATE TABLE pause (
    number    text   PRIMARY KEY,
    hotline   text   NOT NULL,                          -- the hotline's first number when it was paused
    reason    text   NOT NULL,
    paused_by text   NOT NULL,
    since     bigint NOT NULL
);

ALTER TABLE text_in ADD COLUMN unanswered text NOT NULL DEFAULT '';     -- why there was no automatic answer, if one was due
ALTER TABLE media_in ADD COLUMN ended_at bigint NOT NULL DEFAULT 0;
ALTER TABLE text_out ADD COLUMN ended_at bigint NOT NULL DEFAULT 0;
ALTER TABLE message_out ADD COLUMN sent_at bigint NOT NULL DEFAULT 0;   -- when the carrier said so
ALTER TABLE message_out ADD COLUMN ended_at bigint NOT NULL DEFAULT 0;
ALTER TABLE call_in ADD COLUMN ringing text NOT NULL DEFAULT '';        -- the phones of this round, separated by commas

-- Newest first, of all and of a hotline.
CREATE INDEX text_in_at ON text_in (received_at, hotline);
CREATE INDEX text_out_at ON text_out (created_at, hotline);
CREATE INDEX call_in_at ON call_in (began_at, hotline);
CREATE INDEX call_back_at ON call_back (created_at, hotline);
CREATE INDEX media_in_at ON media_in (received_at, hotline);

-- What is rare is not looked for among what is not.
CREATE INDEX text_in_bad ON text_in (state, received_at) WHERE state IN ('refused', 'unrouted', 'dead');
CREATE INDEX text_in_calls ON text_in (kind, received_at) WHERE kind <> '';
CREATE INDEX text_in_call ON text_in (call_sid) WHERE kind <> '';
CREATE INDEX media_in_bad ON media_in (state, received_at) WHERE state IN ('refused', 'dead');
CREATE INDEX text_out_open ON text_out (state, created_at) WHERE state <> 'delivered';
CREATE INDEX message_out_refused ON message_out (text_key) WHERE refused <> '';
CREATE INDEX call_in_unsettled ON call_in (state, began_at) WHERE state <> 'done';
CREATE INDEX call_in_refused ON call_in (began_at) WHERE outcome = 'refused';
CREATE INDEX call_back_unmade ON call_back (created_at) WHERE result IN ('not_started', 'agent_failed', 'failed');
CREATE INDEX call_back_agent_sid ON call_back (agent_sid) WHERE agent_sid <> '';

-- By the last four digits of the supporter's number.
CREATE INDEX text_in_ending ON text_in (substr(supporter, length(supporter) - 3), received_at);
CREATE INDEX text_out_ending ON text_out (substr(supporter, length(supporter) - 3), created_at);
CREATE INDEX call_in_ending ON call_in (substr(supporter, length(supporter) - 3), began_at);
CREATE INDEX call_back_ending ON call_back (substr(supporter, length(supporter) - 3), created_at);
CREATE INDEX media_in_ending ON media_in (substr(supporter, length(supporter) - 3), received_at);

-- By the conversation.
CREATE INDEX text_in_conversation ON text_in (conversation_id, received_at) WHERE conversation_id > 0;
CREATE INDEX text_out_conversation ON text_out (conversation_id, created_at) WHERE conversation_id > 0;
CREATE INDEX call_back_conversation ON call_back (conversation_id, created_at) WHERE conversation_id > 0;
