#pragma once

// Tokens that another implementation has signed: the output of make_vectors.mjs, which begins with
// the command.

namespace troupe::test::elsewhere {

/// A token that the seed's server accepts: {"username":"kim","iat":1700000000}, signed with
/// `seed_secret`.
inline constexpr char seed_secret[] = "your-secret-key";
inline constexpr char seed_token[] =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6ImtpbSIsImlhdCI6MTcwMDAwMDAwMH0."
  "yNGvPLVkNyJED2j9rNdBG8-eJpIuB8d8I"
  "yDvhNhULbk";

// These say {"sub":"김철수","rooms":["arena:*","lobby"],"iat":1700000000,"exp":1700003600}.

/// The secret that signs `hs256`, `hs384` and `hs512`.
inline constexpr char secret[] = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
inline constexpr char hs256[] =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
  "eyJzdWIiOiLquYDssqDsiJgiLCJyb29tcyI6WyJhcmVuYToqIiwibG9iYnkiXSwiaWF0IjoxNzAwMDAwM"
  "DAwLCJleHAiOjE3MDAwMDM2MDB9.KpQM_BmpcoRsXPzrMOZN4QpHYzZ9WoP8Vp_feuTYQwQ";
inline constexpr char hs384[] =
  "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9."
  "eyJzdWIiOiLquYDssqDsiJgiLCJyb29tcyI6WyJhcmVuYToqIiwibG9iYnkiXSwiaWF0IjoxNzAwMDAwM"
  "DAwLCJleHAiOjE3MDAwMDM2MDB9.WNyjlzi3glt2uRAoN7yauf3JqVUG7kXuzS_IrpBFhRzT2ZcwWVd3MS_SwRISO7Me";
inline constexpr char hs512[] =
  "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9."
  "eyJzdWIiOiLquYDssqDsiJgiLCJyb29tcyI6WyJhcmVuYToqIiwibG9iYnkiXSwiaWF0IjoxNzAwMDAwM"
  "DAwLCJleHAiOjE3MDAwMDM2MDB9.UDD7orLFt_LJTvO2epimCJgoXQ3eODs3R0ZU_"
  "xANeLi5um8qd372dJIgej6lSGIKc376VcIKIcBBWYsDJZs4Fw";

/// With "kid":"rsa-1", "iss":"https://id.example", "aud":["chat","game"].
inline constexpr char rsa_public_key[] = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAke5N+LZRI6HUbruAZasf
y7ShcjGTe7htCdcjNkc6IxoOFGy5lrzvN9SbyNQ8EiVY+SIbijHmjOi0LZ6KngUp
xchl+wD9V3Un9wBKoOznOr7Pj9EkG8Mf+qkQesYqaSvAIACD8DDpC15UXbPkktMq
ia0DOB8R9Jnvhz7hsqBlxpYrH7OXo+qB2QpuTbXeysw4s+ZGbL4DkgCvGPGFbXAT
Fq1ehXajCZtEgGB3T83JTOTfg0BNtMwOTdd4lCpPYi5C55hVWA6WVGkTr9IamrtR
4qELcfY9h8Jt9i8xYbKqadk+QHkBCNTTSy2JvuLGzpIA6jYOBh186KAb1LvUHIHj
CQIDAQAB
-----END PUBLIC KEY-----
)";
inline constexpr char rs256[] =
  "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYS0xIn0."
  "eyJzdWIiOiLquYDssqDsiJgiLCJyb29tcyI6WyJhcmVuYToqIiwibG9iYnkiXS"
  "wiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDAsImF1ZCI6WyJjaGF0IiwiZ2FtZSJdLCJpc3MiOiJodHRwczovL2"
  "lkLmV4YW1wbGUifQ.RPk6Z"
  "W90sjAwPGCrVNpLbciWnBGQ6hxzs1050H4-LDwgjYtWKrwff3Cmm8S6eWaV8wvzfFMzvyCtPTrEk0H_CDgKWQkBFPwTNL_"
  "jgSOMdr1ytS_FtPxZEQwtKzQ"
  "PeHJy_"
  "54Ti7MBgwCqspcDGU5TXvkGfWyUY6JmVAAZVnN7OnGJj2ZIsUWSWrjlbYalLXpHbRi6aC0EkV04SWRSSzMas7el7QElPldWX"
  "dWfBfeuUzMaGNnBx"
  "1nbeooyaTdmXs0sxjTtqRiDS6InPG66sSHfgrewE3ADY_ZzP_O8tZlxYvGY79ETNb2HEY61M5c7016pEJQF_"
  "1sslSfpmO5xCM6-lg";

/// With "kid":"ec-1", "iss":"https://id.example", "aud":"chat".
inline constexpr char ec_public_key[] = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMue/DD06LAq3HmBvpN2iS4N2YbVk
ouCl0fkSCHK5ez2qgUGI6wT0urH0rYtXP4nPbeVJ7TcTKyp3KLs/EQ1OkA==
-----END PUBLIC KEY-----
)";
inline constexpr char es256[] =
  "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVjLTEifQ."
  "eyJzdWIiOiLquYDssqDsiJgiLCJyb29tcyI6WyJhcmVuYToqIiwibG9iYnkiXSw"
  "iaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDAsImF1ZCI6ImNoYXQiLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGU"
  "ifQ.lhNDx96uZVoOtu1wJ4"
  "HQblX-c7Ez86HYMWyL5iUXXKm8vNm507uizmUfQnyXe-pc6GxvwziO3fUCdcRvArDWmQ";

/// RFC 7515, A.1: {"iss":"joe","exp":1300819380,"http://example.com/is_root":true} with its own
/// white space. The key is in base64url.
inline constexpr char rfc7515_key[] =
  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
inline constexpr char rfc7515_hs256[] =
  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
  ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
  ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

} // namespace troupe::test::elsewhere
