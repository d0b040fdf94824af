-- Up Migration
CREATE TABLE greetings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (name <> ''),
  greeted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX greetings_newest ON greetings (greeted_at DESC, id DESC);

-- Down Migration
DROP TABLE greetings;
