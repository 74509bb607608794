// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rpc/json_text.h"

namespace xenmon::test {
namespace {

using testing::HasSubstr;

// Says what it is asked to say; counts.
class Echo final : public Interface {
 public:
  std::string_view name() const override { return "test.Echo"; }
  std::string_view description() const override { return "interface test.Echo\n"; }
  Answer call(Call& call) override {
    ++calls;
    if (call.method == "Say") {
      const auto text = call.parameters.text("text");
      if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
      return {"", JsonObject().text("text", text.value_or("")).take(), nullptr};
    }
    if (call.method == "Count") {
      if (!call.more && !call.upgrade) return expected_more();
      return {"", call.upgrade ? "{}" : "", std::make_unique<Numbers>(asked)};
    }
    return method_not_found(call);
  }

  int calls = 0;
  int asked = 0;

 private:
  class Numbers final : public Stream {
   public:
    explicit Numbers(int& asked) : asked_(asked) {}
    void next(std::string& out) override { out += reply_message(std::to_string(++asked_), true); }

   private:
    int& asked_;
  };
};

class ConnectionTest : public testing::Test {
 protected:
  std::string take() {
    const std::string output(connection_.output());
    connection_.sent(output.size());
    return output;
  }
  void send(const std::string& call) { connection_.receive(call + '\0'); }

  Echo echo_;
  Service service_{{"XenMon", "test", "1", ""}, {&echo_}};
  Connection connection_{service_};
};

TEST_F(ConnectionTest, ACallIsAnsweredOnlyWhenTheAnswerBeforeHasBeenTaken) {
  send(R"({"method":"test.Echo.Say","parameters":{"text":"one"}})");
  send(R"({"method":"test.Echo.Say","parameters":{"text":"two"}})");
  EXPECT_TRUE(connection_.proceed());
  EXPECT_FALSE(connection_.proceed());
  EXPECT_EQ(echo_.calls, 1);
  EXPECT_EQ(take(), std::string(R"({"parameters":{"text":"one"}})") + '\0');
  EXPECT_TRUE(connection_.proceed());
  EXPECT_THAT(take(), HasSubstr("two"));
}

TEST_F(ConnectionTest, AStreamThatIsNotReadDoesNotMoveOn) {
  send(R"({"method":"test.Echo.Count","more":true})");
  for (int i = 0; i < 10; ++i) connection_.proceed();
  EXPECT_EQ(echo_.asked, 1);
  take();
  connection_.proceed();
  EXPECT_EQ(echo_.asked, 2);
}

TEST_F(ConnectionTest, ACallInPiecesIsOne) {
  const std::string call = std::string(R"({"method":"test.Echo.Say","parameters":{"text":"x"}})") + '\0';
  for (const char c : call) {
    EXPECT_FALSE(connection_.has_call());
    connection_.receive({&c, 1});
  }
  EXPECT_TRUE(connection_.has_call());
}

TEST_F(ConnectionTest, AMessageThatIsTooLongEndsIt) {
  const std::string much(connection_.room(), 'x');
  connection_.receive(much);
  EXPECT_EQ(connection_.room(), 0U);
  EXPECT_TRUE(connection_.over());
}

TEST_F(ConnectionTest, CallsFromBeforeTheEndOfTheInputAreAnswered) {
  send(R"({"method":"test.Echo.Say"})");
  connection_.input_ended();
  EXPECT_FALSE(connection_.over());
  connection_.proceed();
  EXPECT_FALSE(connection_.over());
  take();
  EXPECT_TRUE(connection_.over());
}

TEST_F(ConnectionTest, AnUpgradedConnectionEndsWithItsInput) {
  send(R"({"method":"test.Echo.Count","upgrade":true})");
  connection_.proceed();
  EXPECT_EQ(take(), std::string(R"({"parameters":{}})") + '\0');
  connection_.proceed();
  EXPECT_FALSE(take().empty());
  connection_.receive("what means nothing there");
  EXPECT_FALSE(connection_.over());
  connection_.input_ended();
  EXPECT_TRUE(connection_.over());
}

TEST_F(ConnectionTest, AOnewayCallGetsNoReply) {
  send(R"({"method":"test.Echo.Say","oneway":true})");
  EXPECT_TRUE(connection_.proceed());
  EXPECT_EQ(echo_.calls, 1);
  EXPECT_TRUE(connection_.output().empty());
}

TEST_F(ConnectionTest, WrongTypesAreNamed) {
  send(R"({"method":"test.Echo.Say","parameters":{"text":[1]}})");
  connection_.proceed();
  EXPECT_EQ(
      take(),
      std::string(R"({"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"text"}})") +
          '\0');
}

TEST_F(ConnectionTest, WhatIsNotUtf8DoesNotComeBack) {
  send("{\"method\":\"test.Echo.\xff\"}");
  connection_.proceed();
  EXPECT_TRUE(connection_.over());
}

} // namespace
} // namespace xenmon::test
