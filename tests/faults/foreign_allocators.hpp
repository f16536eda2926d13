#pragma once

namespace troupe::test {

/// OpenSSL's allocations count and fail like those of `operator new` from now on. Before OpenSSL is
/// used for the first time; zlib's do by themselves where the executable is linked with
/// `--wrap=deflateInit2_` and `--wrap=inflateInit2_`.
void fail_openssl_too();

} // namespace troupe::test
