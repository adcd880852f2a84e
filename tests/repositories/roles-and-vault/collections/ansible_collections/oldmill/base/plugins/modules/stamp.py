"""Writes a text to a file."""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: stamp
short_description: Write a text to a file
options:
  path: {type: path, required: true, description: The file.}
  text: {type: str, required: true, description: What it holds.}
author: [The operations team]
"""


def main() -> None:
    """Write it where it differs."""
    module = AnsibleModule({"path": {"type": "path", "required": True}, "text": {"type": "str", "required": True}})
    path = Path(module.params["path"])
    changed = not path.exists() or path.read_text() != module.params["text"]
    if changed:
        path.write_text(module.params["text"])
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
