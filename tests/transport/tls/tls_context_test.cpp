#include <utility>

#include "tls/tls_context.hpp"

#include "certificates.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

using namespace troupe;
using namespace troupe::transport;
using troupe::test::identity;
namespace fs = std::filesystem;
namespace ssl = boost::asio::ssl;
using namespace std::chrono_literals;

namespace {

/// A folder with a server's two files. The destructor removes it.
class files {
public:
  files(const std::string& certificates, const std::string& key) {
    auto name = (fs::temp_directory_path() / "troupe_tls_XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error{"no temporary folder"};
    folder_ = name;
    write(certificates, key);
  }
  explicit files(const identity& who) : files(who.certificate(), who.key()) {}
  ~files() { fs::remove_all(folder_); }
  files(const files&) = delete;
  files& operator=(const files&) = delete;

  void write(const std::string& certificates, const std::string& key) const {
    std::ofstream{certificate_file(), std::ios::binary} << certificates;
    std::ofstream{key_file(), std::ios::binary} << key;
  }

  [[nodiscard]] fs::path certificate_file() const { return folder_ / "cert.pem"; }
  [[nodiscard]] fs::path key_file() const { return folder_ / "key.pem"; }
  [[nodiscard]] tls_context load() const { return {certificate_file(), key_file()}; }
  /// At a time of the test's own.
  [[nodiscard]] tls_context load(const actors::loop_clock& clock) const {
    return {certificate_file(), key_file(), clock};
  }

private:
  fs::path folder_;
};

/// A clock that shows what the machine's does now, and goes on when the test says so.
testing::manual_clock stopped_clock() {
  testing::manual_clock clock;
  clock.set_wall_by(actors::system_clock().wall_now() - clock.wall_now());
  return clock;
}

/// What `work` throws; empty if nothing.
std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

std::string load_error(const std::string& certificates, const std::string& key) {
  files f{certificates, key};
  return error_of([&] { (void)f.load(); });
}

std::string name_of(const X509* certificate) {
  char name[64]{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

/// A session that a client keeps for its next connection.
using session_ptr = std::shared_ptr<SSL_SESSION>;

/// A client and a server that shake hands in memory.
struct meeting {
  explicit meeting(ssl::context& server_context, int client_version = 0,
                   const session_ptr& session = {}) {
    client_context.set_verify_mode(ssl::verify_none);
    client = SSL_new(client_context.native_handle());
    server = SSL_new(server_context.native_handle());
    // Old versions need this; only the context's options may refuse them.
    for (auto* side : {client, server}) {
      SSL_set_security_level(side, 0);
      SSL_set_cipher_list(side, "ALL:@SECLEVEL=0");
    }
    if (client_version != 0) {
      SSL_set_min_proto_version(client, client_version);
      SSL_set_max_proto_version(client, client_version);
    }
    if (session)
      SSL_set_session(client, session.get());
    BIO *one = nullptr, *other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    SSL_set_msg_callback(client, count_ticket);
    SSL_set_msg_callback_arg(client, &tickets_read);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int turn = 0; turn < 10; ++turn) {
      SSL_do_handshake(client);
      SSL_do_handshake(server);
    }
    ERR_clear_error();
  }
  ~meeting() {
    for (auto* side : {client, server}) // otherwise the session counts as broken
      SSL_set_shutdown(side, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    SSL_free(server);
  }
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  [[nodiscard]] bool agreed() const {
    return SSL_is_init_finished(client) && SSL_is_init_finished(server);
  }
  [[nodiscard]] bool is_resumed() const {
    return SSL_session_reused(client) == 1 && SSL_session_reused(server) == 1;
  }
  /// What the client keeps after it has read what the server says.
  [[nodiscard]] session_ptr session() const {
    char some[16];
    SSL_read(client, some, sizeof some);
    ERR_clear_error();
    return {SSL_get1_session(client), SSL_SESSION_free};
  }
  /// How many the client has been given.
  [[nodiscard]] int tickets() const {
    (void)session();
    return tickets_read;
  }
  [[nodiscard]] std::string shown() const { return name_of(SSL_get0_peer_certificate(client)); }

  ssl::context client_context{ssl::context::tls_client};
  SSL* client = nullptr;
  SSL* server = nullptr;
  int tickets_read = 0;

private:
  static void count_ticket(int writes, int, int type, const void* bytes, std::size_t count, SSL*,
                           void* tickets) {
    auto* first = static_cast<const unsigned char*>(bytes);
    if (writes == 0 && type == SSL3_RT_HANDSHAKE && count > 0
        && *first == SSL3_MT_NEWSESSION_TICKET)
      ++*static_cast<int*>(tickets);
  }
};

std::string shown_by(const tls_context& context) { return meeting{*context.current()}.shown(); }

} // namespace

// -- what is served -------------------------------------------------------------------------------

TEST_CASE("a client is shown the certificate of the file, whatever the kind of its key") {
  files ec{identity{"ec.example"}}, rsa{identity{"rsa.example", identity::kind::rsa}};

  CHECK(shown_by(ec.load()) == "ec.example");
  CHECK(shown_by(rsa.load()) == "rsa.example");
}

TEST_CASE("a chain is shown whole, in the order of the file") {
  identity leaf{"leaf.example"}, issuer{"issuer.example"};
  files f{leaf.certificate() + issuer.certificate(), leaf.key()};
  auto context = f.load();
  meeting m{*context.current()};
  auto* chain = SSL_get_peer_cert_chain(m.client);

  REQUIRE(sk_X509_num(chain) == 2);
  CHECK(m.shown() == "leaf.example");
  CHECK(name_of(sk_X509_value(chain, 1)) == "issuer.example");
}

TEST_CASE("certificate and key may share a file") {
  identity who{"one.example"};
  files f{who.certificate() + who.key(), ""};

  CHECK(shown_by({f.certificate_file(), f.certificate_file()}) == "one.example");
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, and nothing older") {
  files f{identity{"a.example"}};
  auto context = f.load();
  auto agreed = [&](int version) { return meeting{*context.current(), version}.agreed(); };

  CHECK(agreed(TLS1_3_VERSION));
  CHECK(agreed(TLS1_2_VERSION));
  CHECK_FALSE(agreed(TLS1_1_VERSION));
  CHECK_FALSE(agreed(TLS1_VERSION));
}

TEST_CASE("a client that may choose speaks TLS 1.3") {
  files f{identity{"a.example"}};
  auto context = f.load();

  CHECK(SSL_version(meeting{*context.current()}.client) == TLS1_3_VERSION);
}

// Pins §1.55.
TEST_CASE("every cipher is AEAD; with TLS 1.2 its keys come from ECDHE") {
  files f{identity{"a.example"}};
  auto context = f.load();
  auto* ciphers = SSL_CTX_get_ciphers(context.current()->native_handle());
  std::string listed;
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    auto* cipher = sk_SSL_CIPHER_value(ciphers, i);
    auto is_tls13 = std::string_view{SSL_CIPHER_get_version(cipher)} == "TLSv1.3";
    INFO(SSL_CIPHER_get_name(cipher));
    CHECK(SSL_CIPHER_is_aead(cipher) == 1);
    CHECK(SSL_CIPHER_get_kx_nid(cipher) == (is_tls13 ? NID_kx_any : NID_kx_ecdhe));
    CHECK(SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null);
    listed.append(SSL_CIPHER_get_name(cipher)).append("\n");
  }

  CHECK(listed
        == "TLS_AES_128_GCM_SHA256\n"
           "TLS_AES_256_GCM_SHA384\n"
           "TLS_CHACHA20_POLY1305_SHA256\n"
           "ECDHE-ECDSA-AES128-GCM-SHA256\n"
           "ECDHE-RSA-AES128-GCM-SHA256\n"
           "ECDHE-ECDSA-AES256-GCM-SHA384\n"
           "ECDHE-RSA-AES256-GCM-SHA384\n"
           "ECDHE-ECDSA-CHACHA20-POLY1305\n"
           "ECDHE-RSA-CHACHA20-POLY1305\n");
}

TEST_CASE("there is no renegotiation, no compression and no early data") {
  files f{identity{"a.example"}};
  auto context = f.load();
  auto* native = context.current()->native_handle();
  auto options = SSL_CTX_get_options(native);

  CHECK((options & SSL_OP_NO_RENEGOTIATION) != 0);
  CHECK((options & SSL_OP_NO_COMPRESSION) != 0);
  CHECK(SSL_CTX_get_max_early_data(native) == 0);
  meeting tls12{*context.current(), TLS1_2_VERSION};
  SSL_renegotiate(tls12.client);
  SSL_do_handshake(tls12.client);
  char some[16];
  CHECK(SSL_read(tls12.server, some, sizeof some) <= 0);
  CHECK(SSL_read(tls12.client, some, sizeof some) <= 0);
  CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
}

// -- coming again ---------------------------------------------------------------------------------

// Pins §1.56.
TEST_CASE("the second handshake of a client is short, again and again, also after a reload") {
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  files f{identity{"a.example"}};
  auto context = f.load();
  meeting first{*context.current(), version};
  CHECK_FALSE(first.is_resumed());

  meeting second{*context.current(), version, first.session()};
  CHECK(second.is_resumed());
  meeting third{*context.current(), version, second.session()};
  CHECK(third.is_resumed());
  context.reload();
  CHECK(meeting{*context.current(), version, third.session()}.is_resumed());
  CHECK_FALSE(meeting{*f.load().current(), version, third.session()}.is_resumed());
}

// Pins §1.56.
TEST_CASE("a whole handshake brings one ticket, and a short one another with TLS 1.3 only") {
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  files f{identity{"a.example"}};
  auto clock = stopped_clock();
  auto context = f.load(clock);
  const auto of_a_short_one = version == TLS1_3_VERSION ? 1 : 0;

  meeting whole{*context.current(), version};
  meeting second{*context.current(), version, whole.session()};
  clock.advance(3h); // another key has followed
  meeting third{*context.current(), version, second.session()};

  CHECK(whole.tickets() == 1);
  CHECK(second.is_resumed());
  CHECK(second.tickets() == of_a_short_one);
  CHECK(third.is_resumed());
  CHECK(third.tickets() == of_a_short_one);
}

TEST_CASE("the tickets of another server, and those that were changed, cost a whole handshake") {
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  files f{identity{"a.example"}};
  auto context = f.load();
  auto other = f.load();
  auto kept = meeting{*other.current(), version}.session();

  meeting m{*context.current(), version, kept};

  CHECK(m.agreed());
  CHECK_FALSE(m.is_resumed());
}

// Pins §1.56.
TEST_CASE("a ticket is taken for two hours") {
  auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  files f{identity{"a.example"}};
  auto clock = stopped_clock();
  auto context = f.load(clock);
  clock.advance(119min);
  auto session = meeting{*context.current(), version}.session();
  CHECK(SSL_SESSION_get_ticket_lifetime_hint(session.get()) == 7200);

  clock.advance(2h);
  CHECK(meeting{*context.current(), version, session}.is_resumed());
  clock.advance(2min);
  meeting late{*context.current(), version, session};
  CHECK(late.agreed());
  CHECK_FALSE(late.is_resumed());
}

TEST_CASE("a client gets one ticket, for no early data, and the server keeps no session") {
  files f{identity{"a.example"}};
  auto context = f.load();
  auto* native = context.current()->native_handle();
  meeting tls13{*context.current(), TLS1_3_VERSION}, tls12{*context.current(), TLS1_2_VERSION};

  CHECK(SSL_CTX_get_num_tickets(native) == 1);
  CHECK(SSL_SESSION_get_max_early_data(tls13.session().get()) == 0);
  CHECK(SSL_CTX_sess_number(native) == 0);
}

// -- what is refused ------------------------------------------------------------------------------

TEST_CASE("a file that is not there is named") {
  files f{identity{"a.example"}};
  auto nowhere = f.certificate_file().parent_path() / "nowhere.pem";

  auto error = [](const fs::path& certificates, const fs::path& key) {
    return error_of([&] { tls_context{certificates, key}; });
  };

  CHECK(error(nowhere, f.key_file())
          .starts_with(nowhere.string() + ": expected certificates in PEM ("));
  CHECK(error(f.certificate_file(), nowhere)
          .starts_with(nowhere.string() + ": expected the certificate's private key in PEM ("));
  CHECK(error(nowhere.parent_path(), f.key_file())
          .starts_with(nowhere.parent_path().string() + ": expected certificates"));
  CHECK(error("", "").find("expected certificates") != std::string::npos);
}

TEST_CASE("a file that cannot be read is told with the system's reason") {
  files f{identity{"a.example"}};
  auto folder = f.certificate_file().parent_path();
  auto nowhere = folder / "nowhere.pem", pipe = folder / "pipe", locked = folder / "locked.pem";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::ofstream{locked} << "x";
  REQUIRE(::chmod(locked.c_str(), 0) == 0);
  auto ends = [](const std::string& said, std::string_view with) { return said.ends_with(with); };
  auto of_certificates = [&](const fs::path& file) {
    return error_of([&] { tls_context{file, f.key_file()}; });
  };
  auto of_key = [&](const fs::path& file) {
    return error_of([&] { tls_context{f.certificate_file(), file}; });
  };

  CHECK(ends(of_certificates(nowhere), "certificates in PEM (No such file or directory)"));
  CHECK(ends(of_key(nowhere), "private key in PEM (No such file or directory)"));
  CHECK(ends(of_certificates(folder), "(Is a directory)"));
  CHECK(ends(of_key(folder), "(Is a directory)"));
  CHECK(ends(of_certificates("/dev/zero"), "(Not a regular file)"));
  CHECK(ends(of_key("/dev/zero"), "(Not a regular file)"));
  CHECK(ends(of_certificates(pipe), "(Not a regular file)"));
  CHECK(ends(of_key(pipe), "(Not a regular file)"));
  if (::geteuid() != 0)
    CHECK(ends(of_key(locked), "(Permission denied)"));
}

TEST_CASE("a file that holds nothing fit is told with OpenSSL's reason") {
  identity who{"a.example"};

  CHECK(load_error("no certificate", who.key()).find("(no start line)") != std::string::npos);
  CHECK(load_error(who.certificate(), "no key").find("asio.ssl error") == std::string::npos);
}

TEST_CASE("a server names the field of a file that it cannot serve with, once it is made") {
  identity who{"one.example"}, other{"two.example"};
  files good{who}, mixed{who.certificate(), other.key()}, broken{"no certificate", "no key"};
  auto error = [](const fs::path& certificates, const fs::path& key) {
    server_options options;
    options.log = &protocol::null_logger();
    options.tls_certificates = certificates;
    options.tls_key = key;
    try {
      server{options};
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
    return std::string{"none"};
  };
  auto begin = [](const char* field, const fs::path& file, const char* expected) {
    return "server_options." + std::string{field} + " is \"" + file.string() + "\": expected "
         + expected;
  };
  auto folder = good.key_file().parent_path();

  CHECK(error(good.certificate_file(), good.key_file()) == "none");
  for (auto& bad : {folder / "nowhere.pem", folder, broken.certificate_file(), good.key_file()})
    CHECK(error(bad, good.key_file())
            .starts_with(begin("tls_certificates", bad, "certificates in PEM (")));
  for (auto& bad : {folder / "nowhere.pem", folder, broken.key_file(), good.certificate_file()})
    CHECK(error(good.certificate_file(), bad)
            .starts_with(begin("tls_key", bad, "the certificate's private key")));
  CHECK(error(mixed.certificate_file(), mixed.key_file())
          .starts_with(begin("tls_key", mixed.key_file(), "the ")));
}

TEST_CASE("a file that holds no certificate is named, and so is one that holds no key") {
  identity who{"a.example"};
  auto half = [](const std::string& text) { return text.substr(0, text.size() / 2); };

  for (auto& bad : {std::string{}, std::string{"no certificate"}, half(who.certificate()),
                    who.key(), std::string(10'000, '\0')}) {
    INFO(bad);
    CHECK(load_error(bad, who.key()).find("cert.pem: expected certificates in PEM (")
          != std::string::npos);
  }
  for (auto& bad : {std::string{}, std::string{"no key"}, half(who.key()), who.certificate(),
                    std::string(10'000, '\0')}) {
    INFO(bad);
    CHECK(load_error(who.certificate(), bad)
            .find("key.pem: expected the certificate's private key in PEM (")
          != std::string::npos);
  }
}

TEST_CASE("a chain that is broken behind its first certificate is refused") {
  identity who{"a.example"};
  auto broken = who.certificate();
  broken.replace(broken.find('\n') + 1, 8, "????????");

  for (auto& tail : {broken, who.certificate().substr(0, 200), who.certificate().substr(0, 28)}) {
    INFO(tail);
    CHECK(load_error(who.certificate() + tail, who.key())
            .find("cert.pem: expected certificates in PEM (")
          != std::string::npos);
  }
}

TEST_CASE("a file beyond a mebibyte is refused") {
  identity who{"a.example"};
  std::string comment(1024 * 1024, '#');

  CHECK(load_error(who.certificate() + comment, who.key()).ends_with("(larger than 1 MiB)"));
  CHECK(load_error(who.certificate(), who.key() + comment).ends_with("(larger than 1 MiB)"));
}

TEST_CASE("a certificate with which no client can shake hands is refused") {
  identity who{"a.example", identity::kind::p224};

  CHECK(load_error(who.certificate(), who.key())
          .find("cert.pem: expected a certificate with which a client can shake hands")
        != std::string::npos);
}

// Pins §1.54.
TEST_CASE("certificates that are not valid now are refused, roots aside") {
  using test::validity;
  constexpr auto ec = identity::kind::ec;
  constexpr validity past{-7200, -3600}, future{3600, 7200};
  identity expired{"old.example", ec, past}, early{"early.example", ec, future};
  identity root{"root.example"}, old_root{"root.example", ec, past};
  identity between{"between.example", ec, {}, &root};
  identity old_between{"between.example", ec, past, &root};
  identity leaf{"leaf.example", ec, {}, &between};
  auto error_with = [&](const identity& who, const std::string& issuers = {}) {
    return load_error(who.certificate() + issuers, who.key());
  };
  auto begin = [](const std::string& said, const char* what) {
    return said.find(std::string{"cert.pem: expected certificates that are valid now ("} + what)
        != std::string::npos;
  };

  CHECK(begin(error_with(expired), "number 1 expired at 20"));
  CHECK(begin(error_with(early), "number 1 is not valid before 20"));
  CHECK(begin(error_with(leaf, old_between.certificate()), "number 2 expired at 20"));
  CHECK(error_with(leaf, between.certificate() + old_root.certificate()).empty());
}

TEST_CASE("whether a certificate is valid is asked of the server's clock") {
  files f{identity{"a.example"}};
  auto clock = stopped_clock();
  auto context = f.load(clock);
  auto until = context.reload();
  CHECK(until > clock.wall_now() + 59min);

  clock.set_wall_by(until - clock.wall_now());
  CHECK(context.reload() == until);
  clock.set_wall_by(1ms);
  CHECK_FALSE(error_of([&] { context.reload(); }).empty());
}

TEST_CASE("the key of another certificate is refused, of whatever kind") {
  identity mine{"mine.example"}, other{"other.example"}, rsa{"rsa.example", identity::kind::rsa};

  CHECK(load_error(mine.certificate(), other.key()).find("key.pem: expected the ")
        != std::string::npos);
  CHECK(load_error(mine.certificate(), rsa.key()).find("key.pem: expected the ")
        != std::string::npos);
  CHECK(load_error(rsa.certificate(), mine.key()).find("key.pem: expected the ")
        != std::string::npos);
}

// A server has nobody to ask. Otherwise OpenSSL would read from the terminal, and a reload would
// block a loop.
TEST_CASE("a key under a password is refused, and nobody is asked for it") {
  identity who{"a.example"};
  auto error = load_error(who.certificate(), who.locked_key("secret"));

  CHECK(error.ends_with(
    "key.pem: expected the certificate's private key in PEM (it is under a password)"));
}

// -- reload ---------------------------------------------------------------------------------------

TEST_CASE("what is read again serves new connections; those made before keep what they have") {
  identity first{"first.example"}, second{"second.example"};
  files f{first};
  auto context = f.load();
  auto before = context.current();
  meeting early{*before};

  f.write(second.certificate(), second.key());
  CHECK(shown_by(context) == "first.example");
  context.reload();

  CHECK(shown_by(context) == "second.example");
  CHECK(context.current() != before);
  CHECK(meeting{*before}.shown() == "first.example");
  CHECK(early.agreed());
}

TEST_CASE("a reload that fails says why and leaves the old one in place") {
  identity first{"first.example"}, second{"second.example"};
  files f{first};
  auto context = f.load();
  auto before = context.current();
  auto reload_error = [&](const std::string& certificates, const std::string& key) {
    f.write(certificates, key);
    return error_of([&] { context.reload(); });
  };

  CHECK(reload_error("no certificate", first.key()).find("cert.pem: ") != std::string::npos);
  CHECK(reload_error(second.certificate(), "no key").find("key.pem: ") != std::string::npos);
  // Only one of the two files is renewed.
  CHECK(reload_error(second.certificate(), first.key()).find("key.pem: ") != std::string::npos);
  fs::remove(f.key_file());
  CHECK(error_of([&] { context.reload(); }).find("key.pem: ") != std::string::npos);
  // An expired one, which fits its key.
  identity old{"first.example", identity::kind::ec, {-7200, -3600}};
  CHECK(reload_error(old.certificate(), old.key()).find("cert.pem: expected certificates that are")
        != std::string::npos);
  CHECK(context.current() == before);
  CHECK(shown_by(context) == "first.example");

  f.write(second.certificate(), second.key());
  context.reload();
  CHECK(shown_by(context) == "second.example");
}

TEST_CASE("contexts are taken while others are put in place") {
  files f{identity{"a.example"}};
  auto context = f.load();
  std::thread renewer{[&] {
    for (int i = 0; i < 50; ++i)
      context.reload();
  }};
  int nobody = 0;
  for (int i = 0; i < 50; ++i)
    nobody += shown_by(context) == "a.example" ? 0 : 1;
  renewer.join();

  CHECK(nobody == 0);
}
