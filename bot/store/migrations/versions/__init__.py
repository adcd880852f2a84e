"""The revisions of the tables, a file each. A revision that was released is never changed."""
