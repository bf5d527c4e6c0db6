# Runs statements on an SQLite database, and counts the steps of SQLite's virtual machine. Node's SQLite has no counter.
# Each line of stdin is a JSON array: the statement, its parameters, and whether to count. Each line of stdout is an object.
import json
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.row_factory = sqlite3.Row
steps = 0


def step():
    global steps
    steps += 1
    return 0


for line in sys.stdin:
    sql, parameters, counts = json.loads(line)
    steps = 0
    database.set_progress_handler(step if counts else None, 1)
    try:
        rows = [dict(row) for row in database.execute(sql, parameters).fetchall()]
        print(json.dumps({"rows": rows, "steps": steps}), flush=True)
    except sqlite3.Error as error:
        print(json.dumps({"error": str(error)}), flush=True)
