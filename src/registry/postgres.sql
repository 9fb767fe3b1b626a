-- Who migrates owns the tables; who serves is another role, to which the rows of one tenant are all
-- there is. The role belongs to the cluster, so it may be there already.
DO $$
BEGIN
  CREATE ROLE fnvet_service NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
GRANT fnvet_service TO CURRENT_USER;

CREATE TABLE heads (
  tenant_id TEXT PRIMARY KEY,
  document TEXT NOT NULL
);

CREATE TABLE functions (
  tenant_id TEXT NOT NULL,
  function_id TEXT NOT NULL,
  name TEXT NOT NULL,
  agent_id TEXT,
  description TEXT NOT NULL,
  language TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, function_id),
  UNIQUE (tenant_id, name)
);
CREATE INDEX functions_by_id ON functions (function_id);

CREATE TABLE versions (
  tenant_id TEXT NOT NULL,
  function_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  language TEXT NOT NULL,
  code BYTEA NOT NULL,
  input_schema BYTEA,
  cases BYTEA,
  author TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (tenant_id, function_id, version)
);
CREATE INDEX versions_by_author ON versions (tenant_id, author);

CREATE TABLE decisions (
  tenant_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (tenant_id, number)
);

CREATE TABLE audit (
  tenant_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  event TEXT NOT NULL,
  function_id TEXT NOT NULL,
  function_name TEXT NOT NULL,
  version BIGINT,
  user_id TEXT,
  executed_at TEXT NOT NULL,
  success BIGINT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (tenant_id, seq)
);
CREATE INDEX audit_by_function ON audit (tenant_id, function_id, seq);
CREATE INDEX audit_by_user ON audit (tenant_id, user_id, seq);
CREATE INDEX audit_by_time ON audit (tenant_id, executed_at);

CREATE TABLE intents (
  intent_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  document TEXT NOT NULL
);

CREATE TABLE requests (
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_sha256 TEXT NOT NULL,
  response TEXT NOT NULL,
  answered_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, user_id, idempotency_key)
);

-- Records and decisions are only ever added.
GRANT SELECT, INSERT, UPDATE ON heads, functions TO fnvet_service;
GRANT SELECT, INSERT ON versions, decisions, audit TO fnvet_service;
GRANT SELECT, INSERT, DELETE ON intents, requests TO fnvet_service;
GRANT SELECT ON _sqlx_migrations TO fnvet_service;

DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['heads', 'functions', 'versions', 'decisions', 'audit', 'intents', 'requests'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY one_tenant ON %I USING (tenant_id = current_setting(''fnvet.tenant'', true) '
      'OR current_setting(''fnvet.scope'', true) = ''every'')', name);
  END LOOP;
END
$$;
