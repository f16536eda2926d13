// The memory of a node's process.

/// The node's resident KiB once they have settled: freed pages go back with a delay.
export async function resident(node) {
  let least = node.kib('VmRSS');
  for (let i = 0; i < 5; ++i) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    least = Math.min(least, node.kib('VmRSS'));
  }
  return least;
}
