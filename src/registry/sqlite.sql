CREATE TABLE heads (
  tenant_id TEXT PRIMARY KEY,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE functions (
  tenant_id TEXT NOT NULL,
  function_id TEXT NOT NULL,
  name TEXT NOT NULL,
  agent_id TEXT,
  description TEXT NOT NULL,
  language TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, function_id),
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX functions_by_id ON functions (function_id);

CREATE TABLE versions (
  tenant_id TEXT NOT NULL,
  function_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  language TEXT NOT NULL,
  code BLOB NOT NULL,
  input_schema BLOB,
  cases BLOB,
  author TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (tenant_id, function_id, version)
) STRICT;
CREATE INDEX versions_by_author ON versions (tenant_id, author);

CREATE TABLE decisions (
  tenant_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (tenant_id, number)
) STRICT;

CREATE TABLE audit (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  event TEXT NOT NULL,
  function_id TEXT NOT NULL,
  function_name TEXT NOT NULL,
  version INTEGER,
  user_id TEXT,
  executed_at TEXT NOT NULL,
  success INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (tenant_id, seq)
) STRICT;
CREATE INDEX audit_by_function ON audit (tenant_id, function_id, seq);
CREATE INDEX audit_by_user ON audit (tenant_id, user_id, seq);
CREATE INDEX audit_by_time ON audit (tenant_id, executed_at);

CREATE TABLE intents (
  intent_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE requests (
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_sha256 TEXT NOT NULL,
  response TEXT NOT NULL,
  answered_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, user_id, idempotency_key)
) STRICT;
