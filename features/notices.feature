Feature: A notice opens also where the person was merged or split since
  A notice holds ids, and they stay as they were when it was made: that of an emergency access, of a dose alert, of a pair
  that waits for a clerk. Whoever opens it sees of which person it told, which person that is now, and what happened in
  between (identity case 29).

  Background:
    Given CHA and CHB each know an Alex

  Rule: Identity case 29, a notice tells of the person then and of the person now

    Scenario Outline: Nothing was said of the person since
      Given somebody is told of <what> of CHB's Alex
      Then the notice opens, and tells of CHB's Alex then and of CHB's Alex now
      And nothing happened in between

      Examples:
        | what                |
        | an emergency access |
        | a dose alert        |
        | a proposal          |

    Scenario Outline: The person was merged with an older one since
      Given somebody is told of <what> of CHB's Alex
      When the two are merged
      Then the notice opens, and tells of CHB's Alex then and of CHA's Alex now
      And in between that person was merged with others

      Examples:
        | what                |
        | an emergency access |
        | a dose alert        |
        | a proposal          |

    Scenario Outline: The person was split since
      Given the two are merged
      And somebody is told of <what> of CHB's Alex
      When the two are unmerged
      Then the notice opens, and tells of CHA's Alex then and of CHB's Alex now
      And in between that person was parted from others

      Examples:
        | what                |
        | an emergency access |
        | a dose alert        |
        | a proposal          |

    Scenario: The person was split, and merged with another one
      Given the two are merged
      And somebody is told of a dose alert of CHB's Alex
      When the two are unmerged
      And CHB's Alex is merged with CHC's
      Then the notice opens, and tells of CHA's Alex then and of CHB's Alex now
      And in between that person was merged with others and parted from others

    Scenario: The page of the study, to which the mail of an alert leads
      Given somebody is told of a dose alert of CHB's Alex
      When the two are merged
      And a physician of CHB opens the page of the study in an emergency
      Then the page tells of CHB's Alex then and of CHA's Alex now

    Scenario: The study of an alert was given to somebody else
      Given somebody is told of a dose alert of CHB's Alex
      When its study is given to CHA's Alex
      Then the notice opens, and tells of CHB's Alex then and of CHA's Alex now
      And in between that person was given to somebody else

  Rule: A notice opens also once it is settled, and that it was opened is on record

    Scenario Outline: Settled before it was opened
      Given somebody is told of <what> of CHB's Alex
      And the two are merged
      When somebody settled it
      Then the notice opens, and tells of CHB's Alex then and of CHA's Alex now
      And it is on record whose data were shown

      Examples:
        | what                |
        | an emergency access |
        | a dose alert        |

    Scenario: A clerk decided before it was opened
      Given somebody is told of a proposal of CHB's Alex
      And the two are merged
      When somebody settled it
      Then the notice opens, and tells of CHB's Alex then and of CHA's Alex now

    Scenario Outline: A notice of which nothing is known
      When somebody opens a notice of <what> that was never made
      Then it is not found

      Examples:
        | what                |
        | an emergency access |
        | a dose alert        |
