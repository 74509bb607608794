// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words of a finding: the cause as a sentence, and the command that may help, with the real ids and
// values.
#ifndef XENMON_XENMON_DIAGNOSE_EXPLAIN_H
#define XENMON_XENMON_DIAGNOSE_EXPLAIN_H

#include <span>
#include <string>

#include "diagnose/finding.h"
#include "diagnose/measures.h"

namespace xenmon {

// How people read a domain's name: printable, or "domain 3" without one.
std::string called(const DomainEvidence& domain);

// How xl is given a domain: by its name if no shell and no xl could mistake it, else by its id.
std::string as_argument(const DomainEvidence& domain);

// "0-3,8" of ascending ids, as xl takes pCPUs.
std::string pcpu_argument(std::span<const std::uint32_t> ascending);

// Fills in the sentence, the command and the remedy of a finding whose cause is set.
void explain(const Place& place, Finding& finding);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_EXPLAIN_H
