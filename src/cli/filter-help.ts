/** Of commands that list; the language is containerd's (spec 5.6). */
export const FILTER_HELP =
  'A filter is one condition or several with commas between, which must all hold: name==foo, name!=foo, name~=regexp, ' +
  'or labels.key alone for having it. Quote keys that are not plain words: \'labels."a/b"==c\'.';
