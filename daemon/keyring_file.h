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

// --- after a rotation (docs/decisions/0029) ---
// The configured keyring is where a box begins, and may be read-only; from the first rotation on
// the box keeps its own in its data directory.
std::string rotated_keyring_path(const std::string& data_directory);
// The newer of the two by their highest key, the one in the data directory if they are equal. What
// is in the data directory must be of the configured one's cluster.
absl::StatusOr<codecs::Keyring> read_newest_keyring(const std::string& configured,
                                                    const char* credentials_directory,
                                                    const std::string& data_directory);
// Replaces the one in the data directory, durably: after a crash there is the old or the new one.
absl::Status replace_rotated_keyring(const std::string& data_directory,
                                     const codecs::Keyring& ring);

}  // namespace pawl::daemon
