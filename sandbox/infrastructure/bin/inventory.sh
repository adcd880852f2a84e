#!/bin/sh
# Print an Ansible inventory of the running machines of one kind: inventory.sh <environment> <machine>
set -eu
echo "[$2]"
aws ec2 describe-instances \
  --filters "Name=tag:type,Values=$1 $2" "Name=instance-state-name,Values=running" \
  --query 'Reservations[].Instances[].PublicDnsName' --output text |
  tr '\t' '\n'
