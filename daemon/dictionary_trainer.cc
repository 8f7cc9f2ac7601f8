#include "daemon/dictionary_trainer.h"

#include <memory>
#include <string>
#include <utility>

#include "log/compression.h"
#include "log/training.h"

namespace pawl::daemon {

void DictionaryTrainer::turn() {
  auto samples = journal_->begin_training();
  if (!samples) return;
  const bool taken = cold_->submit(
      [journal = journal_, samples = *std::move(samples)]() -> ColdThread::Completion {
        return [journal, dictionary = log::train_dictionary(samples)] {
          journal->use_dictionary(dictionary);
        };
      });
  if (!taken) journal_->use_dictionary("");  // it is busy: the next segment's samples will do
}

}  // namespace pawl::daemon
