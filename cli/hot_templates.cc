// Of a template that several objects instantiate, the linker keeps the first object's. What is
// built for size (the commands, the parsers) would so slow down what is built for speed: here
// what the daemon's busy code shares with it comes first, built for speed. In C++20 the library's
// own instantiation is not used.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

template class std::basic_string<char>;
template class std::basic_string_view<char>;
template class std::vector<std::string>;
template class std::vector<std::pair<std::string, std::string>>;
template class std::vector<unsigned>;
