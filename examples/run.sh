#!/usr/bin/env bash
# examples/run.sh [option of chat_node]...
# Installs what is missing, builds the nodes, starts the chat and prints the address to open.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"

need_build_packages
build release chat_node relay_node echo_node file_node hello
say "starting the chat; Ctrl-C ends it"
exec "$repository/build/release/bin/chat_node" "$@"
