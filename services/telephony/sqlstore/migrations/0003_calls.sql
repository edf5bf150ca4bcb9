-- +goose Up

-- A voicemail and a missed call go into the ticket as a text does, in the same lane; message_sid is then the RecordingSid or
-- the CallSid.
ALTER TABLE text_in ADD COLUMN kind text NOT NULL DEFAULT '';       -- nothing (a text), voicemail, missed
ALTER TABLE text_in ADD COLUMN call_sid text NOT NULL DEFAULT '';   -- of a voicemail or missed call

ALTER TABLE text_in ADD COLUMN first_contact boolean NOT NULL DEFAULT FALSE; -- the ticket's first of this supporter

-- Calls to our numbers. These are records: what a caller hears never waits for them.
CREATE TABLE call_in (
    call_sid  text    PRIMARY KEY,
    lane      text    NOT NULL,
    hotline   text    NOT NULL,
    supporter text    NOT NULL,
    began_at  bigint  NOT NULL,
    ended_at  bigint  NOT NULL DEFAULT 0,
    answered  boolean NOT NULL DEFAULT FALSE,       -- the caller heard anything but ringing
    talked    boolean NOT NULL DEFAULT FALSE,       -- the carrier says that they were connected
    recorded  text    NOT NULL DEFAULT '',          -- whether there is a voicemail, as far as the carrier has told: yes, absent
    outcome   text    NOT NULL DEFAULT '',          -- talked, voicemail, missed, refused
    state     text    NOT NULL                      -- open, ended (to be looked at), done
);
CREATE INDEX call_in_open ON call_in (began_at) WHERE state = 'open';
CREATE INDEX call_in_ended ON call_in (lane, ended_at) WHERE state = 'ended';

-- The volunteers' phones that were picked up, or rung in vain.
CREATE TABLE call_leg (
    leg_sid     text   PRIMARY KEY,
    call_sid    text   NOT NULL,
    phone       text   NOT NULL,
    round       bigint NOT NULL,
    answered_at bigint NOT NULL DEFAULT 0,
    accepted_at bigint NOT NULL DEFAULT 0,          -- when its volunteer took the call
    ended_at    bigint NOT NULL DEFAULT 0,
    status      text   NOT NULL DEFAULT ''          -- Twilio's, when it has ended
);
CREATE INDEX call_leg_call ON call_leg (call_sid);
CREATE INDEX call_leg_open ON call_leg (answered_at) WHERE ended_at = 0 AND answered_at > 0;
CREATE INDEX call_leg_talked ON call_leg (ended_at) WHERE accepted_at > 0;

-- Which phone took a call first. There is one winner a round, as a phone that breaks down after taking it must not keep the next from it.
CREATE TABLE call_claim (
    call_sid text   NOT NULL,
    round    bigint NOT NULL,
    leg_sid  text   NOT NULL,
    PRIMARY KEY (call_sid, round)
);

-- What belongs to a voicemail besides its entry in text_in. The words may come before the voicemail itself.
CREATE TABLE voicemail (
    recording_sid   text    PRIMARY KEY,
    call_sid        text    NOT NULL DEFAULT '',
    lane            text    NOT NULL,
    hotline         text    NOT NULL,
    supporter       text    NOT NULL,
    url             text    NOT NULL,
    recorded_at     bigint  NOT NULL,
    conversation_id bigint  NOT NULL DEFAULT 0,     -- 0: not in the ticket yet
    transcript      text    NOT NULL DEFAULT '',
    transcript_state text   NOT NULL DEFAULT '',    -- wanted (of our engine), ready, failed, told, or none of these
    attempts        bigint  NOT NULL DEFAULT 0,
    deleted         boolean NOT NULL DEFAULT FALSE  -- the carrier's copy
);
-- Until when something was looked for that nobody tells us.
CREATE TABLE looked (
    what text   PRIMARY KEY,
    till bigint NOT NULL
);
CREATE INDEX voicemail_call ON voicemail (call_sid);
CREATE INDEX voicemail_transcript ON voicemail (lane, recorded_at) WHERE conversation_id > 0 AND transcript_state IN ('wanted', 'ready', 'failed');
CREATE INDEX voicemail_kept ON voicemail (hotline, recorded_at) WHERE NOT deleted;
