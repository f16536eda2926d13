const [min, max] = [2_000, 6_000];

/// Milliseconds until something is asked again that was refused for now: clients do not all ask at
/// once. At least `leastMs`.
export const againMs = (leastMs = 0) => Math.max(leastMs, min + Math.random() * (max - min));
