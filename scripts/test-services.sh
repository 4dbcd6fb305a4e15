#!/usr/bin/env bash
# ./dev test-services: the tests that need foreign servers (RabbitMQ, S3, LDAP, a browser, Docker).
# No part of the program speaks to one yet, so there is nothing to run; the suite says so and ends well.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
echo "no suite needs a foreign server yet: stores are SQLite and the local disk, tested by ./dev test"
