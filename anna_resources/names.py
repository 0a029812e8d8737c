"""Names that the graph and its clients, which do not import each other, have for the same things."""

TRAIN_JOB = "train"
PROMOTE_JOB = "promote"
PRUNE_JOB, PRUNE_OP = "prune", "prune_what_is_old"
REGISTER_JOB, REGISTER_OP = "register_sample", "upload"
INBOX_SENSOR = "inbox"
OBSERVE_JOB = "observe_"  # of a source: followed by the domain's name

WARNINGS = "warnings"  # metadata of a report: a list in Markdown of what guards warned of
DOUBTS = "doubts"  # metadata of a month's scores: why they may not be what they seem

# Tags of runs.
CONTENT_TAG = "anna/content"  # of a registering run and of a launch: digest of the file and of what was said of it
NOTES_TAG = "anna/notes"  # of a registering run: what is to be told with the sample, a sentence a line
TASK_TAG = "anna/task"
SAMPLE_TAG = "anna/sample"
LAUNCH_TAG = "anna/launch"  # the run queue bounds how many launches run beside refreshes and scoring ...
OWNER_TAG = "anna/owner"  # ... and how many an owner has ...
KEY_TAG = "anna/key"  # ... and lets one launch of a sample run at a time
PRODUCTION_TAG = "anna/production"  # of a run that production asked for: what it is to make
PARTITION_TAG = "dagster/partition"
PRIORITY_TAG = "dagster/priority"
WILL_RETRY_TAG = "dagster/will_retry"
RETRY_TAG = "dagster/auto_retry_run_id"  # of a run that failed: the one that goes on from where it stopped
ROOT_RUN_TAG = "dagster/root_run_id"  # of a retry: the first run of all
DATA_VERSION_TAG = "dagster/data_version"  # of an event, not of a run

UPLOADS_ASSET = "uploads"  # the asset that tells the state of all uploads, and the label of the table in its metadata
