-- +goose Up

-- The conversations of people who were erased. What Help Scout still tells of them is not kept.
CREATE TABLE erased (
    conversation_id bigint PRIMARY KEY,
    at              bigint NOT NULL
);

-- What must be deleted some day (hotline.Keep).
CREATE INDEX entry_words ON entry (created_at, lane) WHERE kind = 'note' AND body <> '';
CREATE INDEX event_words ON event (mailbox_id, received_at) WHERE length(body) > 2;
CREATE INDEX event_at ON event (received_at, mailbox_id);
CREATE INDEX event_lane ON event (lane);
