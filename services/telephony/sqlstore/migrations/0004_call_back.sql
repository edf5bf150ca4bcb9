-- +goose Up

-- The ledger of calls back. A call is here before anybody's phone rings.
CREATE TABLE call_back (
    key             text    PRIMARY KEY,                -- the press of the button, from outside
    lane            text    NOT NULL,
    hotline         text    NOT NULL,
    supporter       text    NOT NULL,
    agent           text    NOT NULL,                   -- who, for limits
    agent_name      text    NOT NULL,
    agent_phone     text    NOT NULL,                   -- empty when the call has ended
    conversation_id bigint  NOT NULL,
    trace           text    NOT NULL,
    created_at      bigint  NOT NULL,
    state           text    NOT NULL,                   -- queued, calling_agent, asking_agent, calling_supporter, connected, ended
    state_at        bigint  NOT NULL,                   -- since when
    cancelled       boolean NOT NULL DEFAULT FALSE,
    result          text    NOT NULL DEFAULT '',        -- how it ended
    attempted_at    bigint  NOT NULL DEFAULT 0,         -- when the carrier was asked
    looks           bigint  NOT NULL DEFAULT 0,         -- how often the carrier said that it has no such call
    agent_sid       text    NOT NULL DEFAULT '',        -- the carrier's id of the agent's leg
    connected_at    bigint  NOT NULL DEFAULT 0,
    ended_at        bigint  NOT NULL DEFAULT 0,
    talked_seconds  bigint  NOT NULL DEFAULT 0,
    supporter_called boolean NOT NULL DEFAULT FALSE,    -- the key was pressed
    work            boolean NOT NULL DEFAULT TRUE,      -- there is something to do: to call, to hang up
    told            boolean NOT NULL DEFAULT FALSE      -- the ticket knows how it ended
);
CREATE INDEX call_back_work ON call_back (key) WHERE work AND state <> 'ended';
CREATE INDEX call_back_tell ON call_back (key) WHERE state = 'ended' AND NOT told;
CREATE INDEX call_back_open ON call_back (state_at) WHERE state <> 'ended';
CREATE INDEX call_back_agent ON call_back (agent, created_at);
CREATE INDEX call_back_hotline ON call_back (hotline, created_at);
CREATE INDEX call_back_lane ON call_back (lane, created_at);
CREATE INDEX text_out_private ON text_out (created_at) WHERE kind = 'private' AND body <> '';
CREATE INDEX call_in_lane ON call_in (lane, began_at);

-- What those who ask for a call back queue for, so that limits are exact: one row.
CREATE TABLE call_back_turn (
    id bigint PRIMARY KEY,
    n  bigint NOT NULL
);

-- Who does not want calls from a hotline.
CREATE TABLE no_calls (
    hotline   text    NOT NULL,
    supporter text    NOT NULL,
    refused   boolean NOT NULL,
    at        bigint  NOT NULL,
    source    text    NOT NULL,                         -- how we know: MessageSid
    PRIMARY KEY (hotline, supporter)
);
