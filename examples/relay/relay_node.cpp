// build/release/bin/relay_node --port 8080
// The library with no behaviour of its own: rooms relay what their members say.

#include "support/node_main.hpp"

int main(int argc, char** argv) {
  return troupe::examples::node_main(argc, argv, "relay_node", "A node whose rooms relay messages.",
                                     {});
}
