/// What the page says, in the language of the browser.

const en = {
  pageTitle: 'Troupe files',
  title: 'Send files',
  choose: 'Choose files',
  orDrop: 'or drop them here',
  image: 'The node sent this picture.',
  imageName: 'Picture from the node',
  connecting: 'Connecting…',
  open: 'Connected',
  closed: 'Reconnecting…',
  signedOut: 'Not connected',
  tokenWhy:
    'This node is for people with a token. Paste yours here; it is kept until you close this tab.',
  tokenRefused: 'This token was not accepted.',
  signIn: 'Sign in',
  waiting: 'Waiting',
  sending: (percent) => `${percent} %`,
  saving: 'Saving…',
  done: 'Received',
  refused: 'Not saved: the node could not',
  tooBig: 'Not saved: too big for this node',
  tooSlow: 'Not saved: this connection is too slow',
  lost: 'The connection was lost',
  again: 'Try again',
};

const ko = {
  pageTitle: 'Troupe 파일',
  title: '파일 보내기',
  choose: '파일 선택',
  orDrop: '또는 여기에 놓기',
  image: '서버가 보낸 사진입니다.',
  imageName: '서버가 보낸 사진',
  connecting: '연결 중…',
  open: '연결됨',
  closed: '다시 연결 중…',
  signedOut: '연결 안 됨',
  tokenWhy: '이 서버에는 토큰이 필요합니다. 받은 토큰을 붙여 넣으세요. 이 탭을 닫을 때까지만 보관합니다.',
  tokenRefused: '이 토큰은 사용할 수 없습니다.',
  signIn: '로그인',
  waiting: '대기 중',
  sending: (percent) => `${percent}%`,
  saving: '저장 중…',
  done: '수신 완료',
  refused: '저장 실패',
  tooBig: '저장 실패: 너무 큰 파일입니다',
  tooSlow: '저장 실패: 연결이 너무 느립니다',
  lost: '연결이 끊어졌습니다',
  again: '다시 시도',
};

export const language = navigator.language.startsWith('ko') ? 'ko' : 'en';
export const texts = language === 'ko' ? ko : en;
