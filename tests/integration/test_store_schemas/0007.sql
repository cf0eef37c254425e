BEGIN TRANSACTION;
CREATE TABLE documents (
	study_id INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	effective TEXT NOT NULL, 
	objective TEXT NOT NULL, 
	CONSTRAINT pk_documents PRIMARY KEY (study_id), 
	CONSTRAINT fk_documents_study_id FOREIGN KEY(study_id) REFERENCES studies (id) ON DELETE CASCADE
);
INSERT INTO "documents" VALUES(1,'{"spec": {"\u00e4": [1, 2.5, null]}}','{"spec": {}}','{"metric": "loss", "direction": "minimize", "goal": null, "additional": [], "strategies": {}}');
INSERT INTO "documents" VALUES(2,'{}','{}','{"metric": "loss", "direction": "minimize", "goal": null, "additional": [], "strategies": {}, "further": [{"metric": "accuracy", "direction": "maximize", "goal": null, "additional": [], "strategies": {}}]}');
INSERT INTO "documents" VALUES(3,'{}','{}','{"metric": "loss", "direction": "minimize", "goal": null, "additional": [], "strategies": {}}');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	time DOUBLE NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	reason VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	ordinal BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_study_id FOREIGN KEY(study_id) REFERENCES studies (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1,1767600000.0,'Normal','Told','something',1);
CREATE TABLE items (
	study_id INTEGER NOT NULL, 
	ordinal BIGINT NOT NULL, 
	namespace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	encoding SMALLINT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_items PRIMARY KEY (study_id, ordinal, namespace, name), 
	CONSTRAINT fk_items_study_id FOREIGN KEY(study_id) REFERENCES studies (id) ON DELETE CASCADE
);
INSERT INTO "items" VALUES(1,0,':a','k',0,'ü');
INSERT INTO "items" VALUES(1,1,'','k',1,'AP8=');
CREATE TABLE katib_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT katib_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "katib_schema" VALUES('0007');
CREATE TABLE observations (
	study_id INTEGER NOT NULL, 
	ordinal BIGINT NOT NULL, 
	attempt BIGINT NOT NULL, 
	metric VARCHAR(255) NOT NULL, 
	kind SMALLINT NOT NULL, 
	position BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	value VARCHAR(32), 
	text TEXT, 
	time DOUBLE NOT NULL, 
	arrived DOUBLE NOT NULL, 
	CONSTRAINT pk_observations PRIMARY KEY (study_id, ordinal, attempt, metric, kind, position), 
	CONSTRAINT fk_observations_study_id_ordinal FOREIGN KEY(study_id, ordinal) REFERENCES trials (study_id, ordinal) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "observations" VALUES(1,1,1,'loss',1,0,0,'0.5',NULL,1767600000.0,1767600000.0);
INSERT INTO "observations" VALUES(1,1,1,'loss',1,1,1,'0.25',NULL,1767600001.0,1767600000.0);
INSERT INTO "observations" VALUES(1,1,1,'loss',1,2,2,'nan',NULL,1767600002.0,1767600000.0);
INSERT INTO "observations" VALUES(1,2,1,'loss',0,0,0,'0.75',NULL,1767600000.0,1767600000.0);
CREATE TABLE replies (
	key_digest VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	status INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	until DOUBLE NOT NULL, 
	CONSTRAINT pk_replies PRIMARY KEY (key_digest)
);
INSERT INTO "replies" VALUES('2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683','d',201,'{}',1767600000.0);
CREATE TABLE studies (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	uid VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	max_trials BIGINT, 
	parallel BIGINT NOT NULL, 
	max_failed BIGINT, 
	max_seconds DOUBLE, 
	max_stale BIGINT, 
	status VARCHAR(64) NOT NULL, 
	reason VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	since DOUBLE NOT NULL, 
	counts TEXT NOT NULL, 
	highest_ordinal BIGINT NOT NULL, 
	best_ordinal BIGINT, 
	best_value VARCHAR(32), 
	front TEXT, 
	generation BIGINT NOT NULL, 
	stop_requested SMALLINT NOT NULL, 
	exhausted TEXT NOT NULL, 
	overrides TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	started_at DOUBLE, 
	ended_at DOUBLE, 
	owner VARCHAR(255) NOT NULL, 
	term BIGINT NOT NULL, 
	lease_until DOUBLE NOT NULL, 
	run_dir TEXT NOT NULL, 
	CONSTRAINT uq_studies_uid UNIQUE (uid), 
	CONSTRAINT uq_studies_name UNIQUE (name)
);
INSERT INTO "studies" VALUES(1,'uid-of-digits','digits',3,2,NULL,NULL,NULL,'Running','ExperimentRunning','the study is Running',1767600000.0,'{"Advised": 1, "Pending": 0, "Running": 1, "Succeeded": 1}',3,1,'0.25',NULL,1,0,'','{"a": "b"}',5,1767600000.0,1767600000.0,NULL,'me',1,1767600060.0,'/runs/digits');
INSERT INTO "studies" VALUES(2,'uid-of-several','several',3,2,NULL,NULL,NULL,'Created','ExperimentCreated','Experiment is created',1767600000.0,'{"Advised": 0, "Pending": 0, "Running": 0, "Succeeded": 3}',3,NULL,NULL,'[[2, [0.25, 1e+308]], [3, [0.125, 0.1]]]',1,0,'','{}',6,1767600000.0,NULL,NULL,'me',1,1767600060.0,'');
INSERT INTO "studies" VALUES(3,'uid-of-lent','lent',NULL,3,NULL,60.5,7,'Created','ExperimentCreated','Experiment is created',1767600000.0,'{"Advised": 0, "Running": 2}',2,NULL,NULL,NULL,2,0,'','{}',4,1767600000.0,NULL,NULL,'me',1,1767600060.0,'');
CREATE TABLE tokens (
	id VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	role VARCHAR(64) NOT NULL, 
	study_uid VARCHAR(255) NOT NULL, 
	ordinal BIGINT NOT NULL, 
	note TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_tokens PRIMARY KEY (id)
);
INSERT INTO "tokens" VALUES('t','d','trial','u',1,'ü',1767600000.0);
CREATE TABLE trials (
	study_id INTEGER NOT NULL, 
	ordinal BIGINT NOT NULL, 
	name VARCHAR(287) NOT NULL, 
	assignment TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	state VARCHAR(64) NOT NULL, 
	reason VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	attempt BIGINT NOT NULL, 
	failures BIGINT NOT NULL, 
	losses BIGINT NOT NULL, 
	value VARCHAR(32), 
	further_values TEXT, 
	metrics TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	started_at DOUBLE, 
	ended_at DOUBLE, 
	not_before DOUBLE NOT NULL, 
	revision BIGINT NOT NULL, 
	rules TEXT, 
	stopped_by TEXT, 
	client VARCHAR(255), 
	lent_until VARCHAR(32), 
	lent_seconds VARCHAR(32), 
	CONSTRAINT pk_trials PRIMARY KEY (study_id, ordinal), 
	CONSTRAINT fk_trials_study_id FOREIGN KEY(study_id) REFERENCES studies (id) ON DELETE CASCADE
);
INSERT INTO "trials" VALUES(1,1,'digits-shqr6h8h','{"lr": 0.010090270812437312, "optimizer": "adam"}','{}','Succeeded','TrialSucceeded','',1,0,0,'0.25',NULL,'{"loss": [0.25, 0.5, NaN, [1767600002.0, 2], null, null]}',1767600000.0,NULL,1767600000.0,0.0,5,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(1,2,'digits-5559lkh6','{"lr": 0.010180541624874624, "optimizer": "sgd"}','{}','Running','TrialRunning','',1,0,0,NULL,NULL,'{"loss": [0.75, 0.75, 0.75, [1767600000.0, 0], 0, null]}',1767600000.0,NULL,NULL,0.0,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(1,3,'digits-w99hlxg6','{"lr": 0.010270812437311936, "optimizer": "adam"}','{}','Advised','Advised','',1,0,0,NULL,NULL,'{}',1767600000.0,NULL,NULL,0.0,4,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(2,1,'several-n79xnbth','{"lr": 0.010090270812437312, "optimizer": "adam"}','{}','Succeeded','TrialRunning','',1,0,0,'0.5','[-0.0]','{}',1767600000.0,NULL,NULL,0.0,4,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(2,2,'several-8x4fwbjq','{"lr": 0.010180541624874624, "optimizer": "sgd"}','{}','Succeeded','TrialRunning','',1,0,0,'0.25','[1e+308]','{}',1767600000.0,NULL,NULL,0.0,5,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(2,3,'several-j97m8892','{"lr": 0.010270812437311936, "optimizer": "adam"}','{}','Succeeded','TrialRunning','',1,0,0,'0.125','[0.1]','{}',1767600000.0,NULL,NULL,0.0,6,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES(3,1,'lent-jlbl6mph','{"lr": 0.010090270812437312, "optimizer": "adam"}','{}','Running','TrialRunning','',1,0,0,NULL,NULL,'{}',1767600000.0,NULL,NULL,0.0,2,NULL,NULL,'ü/1','1767600060.0','90.5');
INSERT INTO "trials" VALUES(3,2,'lent-kw6ghk7k','{"lr": 0.010180541624874624, "optimizer": "sgd"}','{}','Running','TrialRunning','',1,0,0,NULL,NULL,'{}',1767600000.0,NULL,NULL,0.0,3,NULL,NULL,'ü/1','inf','90.5');
CREATE INDEX ix_replies_until ON replies (until);
CREATE INDEX ix_trials_study_id_revision_ordinal ON trials (study_id, revision, ordinal);
CREATE UNIQUE INDEX uq_trials_study_id_name ON trials (study_id, name);
CREATE INDEX ix_trials_study_id_state_ordinal ON trials (study_id, state, ordinal);
CREATE INDEX ix_events_study_id ON events (study_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('studies',3);
COMMIT;
