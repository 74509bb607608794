// SPDX-License-Identifier: GPL-2.0-or-later
//
// Gives the domains of a baker their names. The one place that does.
//
// What the source knows (a recording's names, Dom0's) is given to a domain as soon as it is seen. If its
// domid is used again, what is known may turn out to be the next domain's; then it loses its name, since none
// is better than a wrong one.
//
// The others are asked for: a domain without a name every second, a new one at every opportunity, and all of
// them again every ten seconds, since a domain can be renamed. A live host answers by the domid, and the
// accounting is behind: the domid may be another domain's already. That is known once what Xen had written by
// then has been accounted for, after two more passes. So a name is given two passes after its answer came.
// Answers may be late or never come; nothing waits for them.
#ifndef XENMON_XENBAKED_SESSION_DOMAIN_NAMES_H
#define XENMON_XENBAKED_SESSION_DOMAIN_NAMES_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bake/baker.h"
#include "source/record_keeper.h"
#include "source/source.h"

namespace xenmon {

class DomainNames {
 public:
  // `recorder` may be null.
  DomainNames(Source& source, Baker& baker, RecordKeeper* recorder)
      : source_(source), baker_(baker), recorder_(recorder) {}

  // Before each sample is published: gives the domains that are new the names that are known.
  void name_new();
  // At every opportunity: takes the answers that have come and asks for what is missing. `now_ns` is the
  // monotonic clock; `passes` counts those that have been read.
  void update(std::uint64_t now_ns, std::uint64_t passes);
  // A recording begins again: domains have their uses in it once more.
  void begin_round();

 private:
  // An answer that is not believed yet.
  struct Heard {
    std::uint32_t slot;
    std::uint64_t uid;
    std::string name;
    std::uint64_t pass; // when it came
  };
  // The domain that had a domid last.
  struct Owner {
    std::uint32_t use;
    std::uint32_t slot;
    std::uint64_t uid;
  };

  void see(Domain& domain);
  void ask(const Domain& domain);
  void ask_for_missing(std::uint64_t now_ns);
  void take_answers(std::uint64_t passes);
  void believe(std::uint64_t passes);
  void name(Domain& domain, std::uint32_t use, std::string name);
  [[nodiscard]] Domain* domain_of(std::uint32_t slot, std::uint64_t uid);

  Source& source_;
  Baker& baker_;
  RecordKeeper* recorder_;
  std::uint64_t seen_uid_ = 0;                             // the newest that has been seen in this round
  std::uint64_t round_uid_ = 0;                            // the newest of the round before
  std::vector<Domain*> new_;                               // scratch
  std::map<std::uint32_t, Owner> owners_;                  // by domid
  std::unordered_map<std::uint64_t, std::uint32_t> asked_; // slots by uid; no answer has come
  std::vector<Heard> heard_;
  std::uint64_t last_asked_ns_ = 0;
  std::uint64_t last_rename_ns_ = 0;
  std::size_t slots_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_DOMAIN_NAMES_H
