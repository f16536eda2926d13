#pragma once

/// The version of the library, by https://semver.org. It stands here and nowhere else: the build,
/// `find_package`, pkg-config, the Debian packages and the metric `troupe_build_info` read it from
/// this file. The README says what a version promises.
#define TROUPE_VERSION_MAJOR 0
#define TROUPE_VERSION_MINOR 1
#define TROUPE_VERSION_PATCH 0

/// One number to compare with in `#if`: 10,000 times major, 100 times minor, patch.
#define TROUPE_VERSION \
  (TROUPE_VERSION_MAJOR * 10000 + TROUPE_VERSION_MINOR * 100 + TROUPE_VERSION_PATCH)
