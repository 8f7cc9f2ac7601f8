// The keyring's file (codecs/keyring.h has what is in it): read with care, written once.
//
// Its secrets make a box a member of the cluster, so a file that others may read is refused, not
// warned about. A credential of systemd's (LoadCredential=, in $CREDENTIALS_DIRECTORY) is named
// "credential:NAME"; its mode and owner are systemd's.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "codecs/keyring.h"

namespace pawl::daemon {

inline constexpr std::string_view kCredentialPrefix = "credential:";

// The file a configured keyring names: itself, or a credential's in `credentials_directory` (null
// or empty: there is none, an error that says so).
absl::StatusOr<std::string> keyring_path(const std::string& configured,
                                         const char* credentials_directory);

// Reads the keyring at a configured place. Refused: a file that is no regular one, belongs to
// another user than the process runs as, or has any permission for group or others (credentials
// apart); one of more than kKeyringBytesMax; one that is no keyring.
absl::StatusOr<codecs::Keyring> read_keyring(const std::string& configured,
                                             const char* credentials_directory);

// Writes a new file of mode 0600, durable when it returns. AlreadyExists if something is there: a
// keyring is never overwritten.
absl::Status write_new_keyring(const std::string& path, const codecs::Keyring& ring);

}  // namespace pawl::daemon
