#pragma once

namespace troupe {

/// Tells CAF 1.x the types of the messages that Troupe's actors exchange: ids 4000 to 4099 are
/// Troupe's. A program that makes an actor system of its own calls it first; a `server` without
/// one does so itself, and so does a stage. Harmless if repeated; with CAF 0.17 it does nothing.
/// Thread: any. Precondition: no actor system has been made without it.
void init();

} // namespace troupe
