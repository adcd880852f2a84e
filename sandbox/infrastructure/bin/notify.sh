#!/bin/sh
# Tell the team that the images are there.
set -eu
echo "Images are built."
