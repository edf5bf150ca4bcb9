-- +goose Up

-- Where answers go, as the carrier gave it, and from where. The contact's phone in Help Scout never decides.
ALTER TABLE lane ADD COLUMN supporter text NOT NULL DEFAULT '';
ALTER TABLE lane ADD COLUMN hotline text NOT NULL DEFAULT '';           -- the number they last wrote to
ALTER TABLE lane ADD COLUMN edited boolean NOT NULL DEFAULT FALSE;      -- an agent may have changed the contact's phone

-- An event with agents' replies in it is pending until they are handled.
ALTER TABLE event ADD COLUMN lane text NOT NULL DEFAULT '';             -- the conversation
ALTER TABLE event ADD COLUMN state text NOT NULL DEFAULT 'done';        -- pending, done
ALTER TABLE event ADD COLUMN attempts bigint NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN trace text NOT NULL DEFAULT '';
CREATE INDEX event_pending ON event (lane, seq) WHERE state = 'pending';

-- Agents' replies that are handled, once each.
CREATE TABLE reply (
    thread_id       bigint PRIMARY KEY,
    conversation_id bigint NOT NULL,
    state           text   NOT NULL,                                    -- sent (handed to telephony), refused
    reason          text   NOT NULL DEFAULT '',
    handled_at      bigint NOT NULL
);

-- Files of replies that telephony has.
CREATE TABLE reply_file (key text PRIMARY KEY);

-- Since when a mailbox is ours. Replies from before were somebody else's to send.
CREATE TABLE mailbox (
    id    bigint PRIMARY KEY,
    since bigint NOT NULL
);

-- What a note does besides: JSON {"add","remove","reopen"}.
ALTER TABLE entry ADD COLUMN actions text NOT NULL DEFAULT '';
