/// The field for a token, where the node asks for one.

import { texts } from './texts.js';

/// `done()` is called once the node has taken a token.
export function showLogin(session, done) {
  const form = document.getElementById('sign-in');
  const input = document.getElementById('token');
  const problem = document.getElementById('problem');

  function showProblem(wasRefused) {
    problem.textContent = wasRefused ? texts.tokenRefused : '';
    input.setAttribute('aria-invalid', wasRefused);
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wasTaken = await session.offer(input.value.trim());
    showProblem(!wasTaken);
    if (!wasTaken) return input.select();
    input.value = '';
    form.hidden = true;
    done();
  });

  /// Asks for a token, unless it already does.
  function ask() {
    if (!form.hidden) return;
    showProblem(session.hasToken);
    form.hidden = false;
    input.focus();
  }

  return { ask };
}
