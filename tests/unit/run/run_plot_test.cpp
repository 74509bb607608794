// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "xenmon_log_fixture.h"

namespace xenmon::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Series> some_series() {
  std::vector<Series> all(4);
  all[0].domid = 0;
  all[1].domid = 1;
  all[1].name = "web";
  all[2].domid = 2;
  all[2].name = "1"; // like the other's id
  all[3].domid = XENMON_DOMID_IDLE;
  return all;
}

std::vector<std::uint32_t> selected(const std::vector<std::string>& domains, bool idle = false) {
  PlotOptions options;
  options.domains = domains;
  options.idle = idle;
  std::vector<PlotColumn> columns = {{"", some_series()}};
  const Status status = select_domains(options, columns);
  EXPECT_TRUE(status);
  std::vector<std::uint32_t> found;
  for (const Series& series : columns.front().series) found.push_back(series.domid);
  return found;
}

TEST(SelectDomains, ByNameAndId) {
  EXPECT_THAT(selected({}), ElementsAre(0, 1, 2));
  EXPECT_THAT(selected({}, true), ElementsAre(0, 1, 2, XENMON_DOMID_IDLE));
  EXPECT_THAT(selected({"web"}), ElementsAre(1));
  EXPECT_THAT(selected({"1"}), ElementsAre(1, 2));
  EXPECT_THAT(selected({"0", "web"}), ElementsAre(0, 1));
  EXPECT_THAT(selected({"idle"}), ElementsAre(XENMON_DOMID_IDLE));
  EXPECT_THAT(selected({"0"}, true), ElementsAre(0, XENMON_DOMID_IDLE));
}

TEST(SelectDomains, SaysWhatIsNotThere) {
  PlotOptions options;
  std::vector<PlotColumn> none = {{"", {}}};
  EXPECT_THAT(select_domains(options, none).error().message, HasSubstr("no record"));
  std::vector<PlotColumn> idle = {
      {"", {{.domid = XENMON_DOMID_IDLE, .name = "", .label = "", .points = {}}}}};
  EXPECT_THAT(select_domains(options, idle).error().message, HasSubstr("--idle"));
  options.domains = {"0", "mail"};
  std::vector<PlotColumn> all = {{"", some_series()}};
  EXPECT_THAT(select_domains(options, all).error().message, HasSubstr("\"mail\""));
}

TEST(SelectDomains, ADomainMayBeInOneColumnAlone) {
  std::vector<Series> later = some_series();
  later.resize(1);
  std::vector<PlotColumn> columns = {{"first", some_series()}, {"second", std::move(later)}};
  PlotOptions options;
  options.domains = {"web"};
  EXPECT_TRUE(select_domains(options, columns));
  ASSERT_EQ(columns.size(), 1U); // the other has nothing to show
  EXPECT_EQ(columns.front().title, "first");
}

class WritePictureTest : public LogTest {
 protected:
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(files / "."))
      found.push_back(entry.path().filename());
    return found;
  }
  static std::string content(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
};

TEST_F(WritePictureTest, LeavesNothingElseBehind) {
  const std::string path = files / "a.svg";
  const mode_t before = umask(027);
  for (const std::string& text : {std::string("old"), std::string("a\0b", 3)}) {
    ASSERT_TRUE(write_picture(path, text));
    EXPECT_EQ(content(path), text);
    EXPECT_THAT(names(), ElementsAre("a.svg"));
  }
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(WritePictureTest, ReplacesOnlyFiles) {
  const std::string target = file("target", "kept");
  const std::string link = files / "link.svg";
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  const std::string fifo = files / "fifo.svg";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {link, fifo}) {
    const Status status = write_picture(path, "new");
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("not a regular file"));
  }
  EXPECT_EQ(content(target), "kept");
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(WritePictureTest, SaysWhyItCannot) {
  const Status status = write_picture(files / "missing/a.svg", "x");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("No such file or directory."));
}

} // namespace
} // namespace xenmon::test
