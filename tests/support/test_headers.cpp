// Has no code: `troupe_test_headers` is there for its precompiled headers.
