// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which format and which encoding a scraper gets, by the headers of its request.
#ifndef XENMON_XENMON_EXPORT_NEGOTIATION_H
#define XENMON_XENMON_EXPORT_NEGOTIATION_H

#include <string_view>

#include "export/encoder.h"

namespace xenmon {

// By the value of Accept. The format of the highest weight; among equals the one that says most: protobuf,
// then OpenMetrics, then text. Text if there is none that we have, as all exporters do.
Format negotiate_format(std::string_view accept);

// By the value of Accept-Encoding.
bool accepts_gzip(std::string_view accept_encoding);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_NEGOTIATION_H
