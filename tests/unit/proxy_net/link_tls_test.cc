#include <thread>

#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/unit/proxy_net/certificates.h"
#include "tests/unit/proxy_net/net_fixture.h"

namespace postern::net {
namespace {

struct TlsLinkTest : Net {
  TlsLinkTest() {
    links.set_server_tls(TlsContext::server({certificates.make("mx.example.org")}).value());
    links.set_client_tls(TlsContext::client().value());
    auto [a, b] = connected_pair();
    server = links.accepted(std::move(a));
    server->attach(server_events);
    peer = std::move(b);
  }
  /// Our own client side of the same connection.
  void use_client_link() {
    Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress address = to_socket_address(*IpAddress::parse("127.0.0.1"), 0);
    ASSERT_EQ(::bind(listener.get(), address.get(), address.length), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    uint16_t port = local_of(listener.get())->port;
    client = links.outgoing(client_events);
    client->connect({to_socket_address(*IpAddress::parse("127.0.0.1"), port)}, "mx.example.org");
    server = links.accepted(Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)));
    server->attach(server_events);
    turn_until(loop, [&] { return client_events.saw("connected"); });
  }
  void script_starttls() {
    server_events.hook = [&](const std::string& what) {
      if (what == "received" && server_events.input == "STARTTLS\r\n") {
        server_events.input.clear();
        server->write("220 go ahead\r\n");
        server->start_tls();
      }
    };
    client_events.hook = [&](const std::string& what) {
      if (what == "received" && client_events.input == "220 go ahead\r\n") {
        client_events.input.clear();
        client->start_tls();
        client->write("EHLO inside\r\n");  // waits for the handshake
      }
    };
    client->write("STARTTLS\r\n");
  }

  Certificates certificates;
  Recorder server_events;
  Recorder client_events;
  std::unique_ptr<BufferLink> server;
  std::unique_ptr<BufferLink> client;
  Fd peer;
};

TEST_F(TlsLinkTest, StartTlsOnBothSides) {
  use_client_link();
  script_starttls();
  turn_until(loop, [&] { return server_events.input == "EHLO inside\r\n"; });
  EXPECT_TRUE(server_events.saw("secured"));
  EXPECT_TRUE(client_events.saw("secured"));
  EXPECT_EQ(client_events.tls.version, "TLSv1.3");
  EXPECT_FALSE(client_events.tls.cipher.empty());
  EXPECT_GE(client_events.tls.bits, 128);
}

TEST_F(TlsLinkTest, BigDataThroughTlsInBothDirections) {
  use_client_link();
  script_starttls();
  turn_until(loop, [&] { return server_events.input == "EHLO inside\r\n"; });
  server_events.input.clear();
  std::string big(3U << 20U, 'b');
  server->write(big);
  client->write(big);
  turn_until(loop,
             [&] { return server_events.input.size() >= big.size() && client_events.input.size() >= big.size(); });
  EXPECT_EQ(server_events.input, big);
  EXPECT_EQ(client_events.input, big);
  EXPECT_GE(server_events.writables, 1);
}

TEST_F(TlsLinkTest, ReadingMayStopAndGoOnInsideTls) {
  use_client_link();
  script_starttls();
  turn_until(loop, [&] { return server_events.input == "EHLO inside\r\n"; });
  server_events.input.clear();
  server_events.hook = [&](const std::string& what) {
    if (what == "received") server->read_enabled(false);
  };
  client->write(std::string(200'000, 'q'));
  while (server_events.input.size() < 200'000) {
    size_t before = server_events.input.size();
    server->read_enabled(true);
    turn_until(loop, [&] { return server_events.input.size() > before; });
  }
  EXPECT_EQ(server_events.input, std::string(200'000, 'q'));
}

TEST_F(TlsLinkTest, CloseAfterFlushDeliversEverythingThenEndOfFile) {
  use_client_link();
  script_starttls();
  turn_until(loop, [&] { return server_events.input == "EHLO inside\r\n"; });
  server->write(std::string(1U << 20U, 'c'));
  server->close_after_flush();
  server.reset();
  turn_until(loop, [&] { return client_events.saw("end"); });
  EXPECT_EQ(client_events.input.size(), 1U << 20U);
  client.reset();
  turn_until(loop, [&] { return links.lingering() == 0; });
}

TEST_F(TlsLinkTest, InjectedPlainTextIsNeverDelivered) {
  // Behind STARTTLS in one packet (CVE-2011-0411): the handshake fails or the text is dropped; it is never a command.
  server_events.hook = [&](const std::string& what) {
    if (what != "received" || server_events.input.find("STARTTLS\r\n") == std::string::npos) return;
    server_events.hook = nullptr;
    server_events.input.clear();
    server->write("220 go ahead\r\n");
    server->start_tls();
    // Arrives after the command and before the handshake, when nothing may be read as a command.
    send_text(peer.get(), "MAIL FROM:<injected@example.org>\r\n");
  };
  send_text(peer.get(), "STARTTLS\r\nNOOP\r\n");
  turn_until(loop, [&] { return server_events.saw("failed") || server_events.saw("secured"); });
  EXPECT_TRUE(server_events.saw("failed"));
  EXPECT_EQ(server_events.input, "");
  EXPECT_EQ(server_events.why.substr(0, 5), "TLS: ") << server_events.why;
}

TEST_F(TlsLinkTest, TheReplyBeforeTheHandshakeIsPlainAndWhole) {
  std::string reply = "220 " + std::string(300'000, 'r') + "\r\n";
  server->write(reply);
  server->start_tls();
  std::string got;
  std::jthread client_thread([&] {
    std::string buffer(reply.size(), '\0');
    while (got.size() < reply.size()) {
      ssize_t size = ::recv(peer.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return;
      got.append(buffer.data(), static_cast<size_t>(size));
    }
    peer.reset();
  });
  turn_until(loop, [&] { return server_events.saw("failed"); });
  client_thread.join();
  EXPECT_EQ(got, reply);
}

TEST_F(TlsLinkTest, MayBeDestroyedDuringTheHandshakeAndWhenSecured) {
  use_client_link();
  script_starttls();
  auto next = server_events.hook;
  server_events.hook = [&, next](const std::string& what) {
    if (what == "secured") {
      server.reset();
    } else {
      next(what);
    }
  };
  turn_until(loop, [&] { return server == nullptr; });
  turn_until(loop, [&] { return client_events.saw("end") || client_events.saw("failed"); });

  auto [a, b] = connected_pair();
  server = links.accepted(std::move(a));
  Recorder other;
  server->attach(other);
  server->start_tls();
  loop.turn(false);
  server.reset();
  loop.turn(false);
  EXPECT_EQ(read_to_end(b.get()), "");
}

TEST_F(TlsLinkTest, WithoutContextStartTlsFails) {
  links.set_server_tls(nullptr);
  server->start_tls();
  EXPECT_TRUE(server_events.log.empty());
  turn_until(loop, [&] { return server_events.saw("failed"); });
}

TEST_F(TlsLinkTest, AReloadLeavesLinksThatBeganBefore) {
  use_client_link();
  server->start_tls();
  links.set_server_tls(nullptr);
  client->start_tls();
  turn_until(loop, [&] { return client_events.saw("secured") && server_events.saw("secured"); });
}

// ---------------------------------------------------------------- contexts

/// The name and key type of the certificate that a client sees.
std::string handshake(const TlsContext& context, const char* sni, const char* signatures) {
  auto server = context.new_ssl();
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  TlsContext::SslPtr client(SSL_new(client_context.get()));
  if (sni != nullptr) SSL_set_tlsext_host_name(client.get(), sni);
  SSL_set1_sigalgs_list(client.get(), signatures);
  BIO* left = nullptr;
  BIO* right = nullptr;
  BIO_new_bio_pair(&left, 65536, &right, 65536);
  SSL_set_bio(server.get(), left, left);
  SSL_set_bio(client.get(), right, right);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  for (int i = 0; i < 10; ++i) {
    SSL_do_handshake(client.get());
    SSL_do_handshake(server.get());
  }
  ERR_clear_error();
  std::unique_ptr<X509, decltype(&X509_free)> leaf(SSL_get1_peer_certificate(client.get()), X509_free);
  if (!leaf) return "none";
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(leaf.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  int type = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf.get()));
  return std::string(name.data()) + (type == EVP_PKEY_RSA ? " rsa" : " ec");
}

constexpr const char* kEither = "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
constexpr const char* kRsaOnly = "RSA-PSS+SHA256:RSA+SHA256";

TEST(TlsContexts, SniAndKeyTypeChooseTheCertificate) {
  Certificates certificates;
  auto context = TlsContext::server({certificates.make("a.example", false), certificates.make("a.example", true),
                                     certificates.make("*.b.example", false)})
                     .value();
  EXPECT_EQ(handshake(*context, nullptr, kEither), "a.example ec");
  EXPECT_EQ(handshake(*context, nullptr, kRsaOnly), "a.example rsa");
  EXPECT_EQ(handshake(*context, "x.b.example", kEither), "*.b.example ec");
  EXPECT_EQ(handshake(*context, "a.example", kRsaOnly), "a.example rsa");
  EXPECT_EQ(handshake(*context, "unknown.example", kEither), "a.example ec");
}

TEST(TlsContexts, ErrorsNameFileAndCause) {
  Certificates certificates;
  auto a = certificates.make("a.example");
  auto b = certificates.make("b.example");
  auto mixed = TlsContext::server({{a.certificate, b.key}});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().message, "tls.key: " + b.key + ": does not match certificate " + a.certificate);
  auto missing = TlsContext::server({{certificates.path("nothing.pem"), a.key}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "tls.certificate: " + certificates.path("nothing.pem") + ": No such file or directory");
  auto swapped = TlsContext::server({a, {b.key, b.key}});
  ASSERT_FALSE(swapped);
  EXPECT_THAT(swapped.error().message, ::testing::StartsWith("tls.pair[1].certificate: " + b.key + ": "));
  EXPECT_FALSE(TlsContext::server({}));
}

}  // namespace
}  // namespace postern::net
