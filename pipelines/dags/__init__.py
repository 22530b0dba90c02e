"""DAGs for Airflow, which reads this folder; nothing of ours imports it."""
