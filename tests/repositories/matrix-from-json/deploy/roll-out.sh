#!/bin/sh
set -eu
aws ecs update-service --region "$1" --cluster main --service "$2" --force-new-deployment
