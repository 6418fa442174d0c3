/** Marks the file as ours: "DskL", https://www.sqlite.org/pragma.html#pragma_application_id */
export const APPLICATION_ID = 0x44736b4c;

/**
 * The schema's versions: entry n takes a database from user_version n to n + 1. A step that was released is
 * never edited; a change is a new step.
 *
 * Wide columns come last in a row, so that a walk over the narrow ones reads no overflow pages. Indexes on
 * jobs carry job_id after submitted_at, since lists are ordered by both.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    unfinished INTEGER NOT NULL,
    operation TEXT NOT NULL,
    namespace TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    due_at INTEGER,
    summary TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX jobs_recent ON jobs (submitted_at, job_id);
  CREATE INDEX jobs_status ON jobs (status, submitted_at, job_id);
  CREATE INDEX jobs_operation ON jobs (operation, submitted_at, job_id);
  CREATE INDEX jobs_namespace ON jobs (namespace, submitted_at, job_id);
  CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;

  CREATE TABLE job_labels (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (key, value, submitted_at, job_id)
  ) STRICT, WITHOUT ROWID;

  -- Counted by triggers, since admission asks at each submit and counting would read every waiting job.
  CREATE TABLE job_counts (unfinished INTEGER NOT NULL) STRICT;
  INSERT INTO job_counts VALUES (0);
  CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs WHEN new.unfinished = 1
    BEGIN UPDATE job_counts SET unfinished = unfinished + 1; END;
  CREATE TRIGGER jobs_removed AFTER DELETE ON jobs WHEN old.unfinished = 1
    BEGIN UPDATE job_counts SET unfinished = unfinished - 1; END;
  CREATE TRIGGER jobs_changed AFTER UPDATE OF unfinished ON jobs WHEN old.unfinished <> new.unfinished
    BEGIN UPDATE job_counts SET unfinished = unfinished + new.unfinished - old.unfinished; END;

  CREATE TABLE events (
    job_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    percent REAL NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (job_id, version, position)
  ) STRICT, WITHOUT ROWID;

  -- state: 0 ready, 1 delayed, 2 held by a receiver; visible_at (ms) ends 1 and 2. Ids are never used again
  -- (AUTOINCREMENT), since a receipt is made of the id and the count of receives.
  CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    fairness_group TEXT NOT NULL,
    state INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX queue_ready ON queue (lane, fairness_group, id) WHERE state = 0;
  CREATE INDEX queue_later ON queue (lane, visible_at, state) WHERE state <> 0;

  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX dead_letters_lane ON dead_letters (lane, id);

  CREATE TABLE workers (
    worker_id TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    gone_at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The object's bytes are in objects/<file>; this row is what makes them visible.
  CREATE TABLE objects (
    key TEXT PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    modified_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
