#pragma once

namespace troupe::test {

/// Makes OpenSSL's allocations count and fail like those of `operator new`. Call it before the
/// first use of OpenSSL. zlib's need no call if the executable is linked with
/// `--wrap=deflateInit2_` and `--wrap=inflateInit2_`.
void fail_openssl_too();

} // namespace troupe::test
