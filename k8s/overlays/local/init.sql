-- Runs once, when the volume is empty. Each service has a role of its own, and that role a schema of its own, and nothing else.
CREATE ROLE telephony LOGIN PASSWORD 'telephony';
CREATE ROLE ticketing LOGIN PASSWORD 'ticketing';
CREATE ROLE dialer LOGIN PASSWORD 'dialer';
CREATE ROLE switchboard LOGIN PASSWORD 'switchboard';

REVOKE ALL ON DATABASE bling FROM PUBLIC;
GRANT CONNECT ON DATABASE bling TO telephony, ticketing, dialer, switchboard;

CREATE SCHEMA telephony AUTHORIZATION telephony;
CREATE SCHEMA ticketing AUTHORIZATION ticketing;
CREATE SCHEMA dialer AUTHORIZATION dialer;
CREATE SCHEMA switchboard AUTHORIZATION switchboard;
