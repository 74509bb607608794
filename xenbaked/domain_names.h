// SPDX-License-Identifier: GPL-2.0-or-later
//
// Gives the domains of a baker their names, which the source tells by the number a domain has.
//
// A domain without a name is asked for every second, a new one at every opportunity, and all again every ten
// seconds, since a domain can be renamed.
//
// A live host's names are told by the number a domain has at that moment, and the accounting is behind: the
// number may be another domain's already. That is known when what Xen had written by then has been accounted
// for, after two more passes.
#ifndef XENMON_XENBAKED_DOMAIN_NAMES_H
#define XENMON_XENBAKED_DOMAIN_NAMES_H

#include <cstdint>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "source/recorder.h"
#include "source/source.h"

namespace xenmon {

class DomainNames {
 public:
  // `recorder` may be null.
  DomainNames(Source& source, Baker& baker, Recorder* recorder)
      : source_(source), baker_(baker), recorder_(recorder) {}

  // At every opportunity: at that time by the monotonic clock, after so many passes.
  void update(std::uint64_t now_ns, std::uint64_t passes);
  // The next update() asks for every name that is missing.
  void ask_for_all() { last_asked_ns_ = 0; }

 private:
  // A name that the source told.
  struct Told {
    std::uint32_t slot;
    std::uint64_t uid;
    std::string name;
    std::uint64_t pass; // when
  };

  void ask(const Domain& domain, std::uint64_t passes);
  void settle(std::uint64_t passes);
  [[nodiscard]] bool has_successor(const Domain& domain) const;

  Source& source_;
  Baker& baker_;
  Recorder* recorder_;
  std::uint64_t last_asked_ns_ = 0;
  std::uint64_t last_rename_ns_ = 0;
  std::size_t slots_ = 0;
  std::vector<Told> told_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_DOMAIN_NAMES_H
